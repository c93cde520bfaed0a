"""What each key of a spec is for: a sentence for people, and an example of a value.

The table of keys (model.py) says what a key takes.  `numbann schema` and docs/spec.md show both.
"""

from __future__ import annotations

from typing import Any

from numbann.records import dataclass


@dataclass(frozen=True)
class Description:
    """What a key is for, and a value that it may have."""

    sentence: str
    example: Any


def _section(**keys: tuple[str, Any]) -> dict[str, Description]:
    return {name: Description(*described) for name, described in keys.items()}


DESCRIPTIONS: dict[str, dict[str, Description]] = {
    "Spec": _section(
        extends=("A spec to start from, relative to this one; what is said here goes over it.", "base.json"),
        name=("The name of the run: without `output`, the directory is `runs/NAME`.", "wine"),
        seed=("Where all random numbers start: the split, initial weights, shuffling and noise.", 7),
        preset=(
            "What fills in all that the spec leaves open: the defaults (`plain`), or what learns most from tables "
            "(`tabular`; `tabular-best` trains several of these nets).",
            "tabular",
        ),
        data=("Where the rows come from, which columns are used, and how.", {"path": "wine.csv", "target": "quality"}),
        model=("The network: its hidden layers; the output layer is added.", {"layers": [64, 32]}),
        loss=("What training makes small; `auto` follows from the task.", {"type": "huber", "delta": 0.5}),
        optimizer=("How a step changes the weights, and its learning rate.", {"type": "adamw", "learning_rate": 0.001}),
        schedule=("How the learning rate changes with the epochs.", {"type": "cosine", "warmup_epochs": 3}),
        train=("How long to train, on what, and with which options.", {"epochs": 100, "early_stopping": 10}),
        ensemble=("Several models as one, each trained on all rows but a fold of its own.", {"folds": 5}),
        sweep=(
            "Many trainings with other values of some keys, for `numbann sweep`.",
            {"parameters": {"optimizer.learning_rate": {"low": 0.0001, "high": 0.01, "log": True}}},
        ),
        callbacks=(
            "Where else the run is written while it trains, each by name or with parameters.",
            ["tensorboard", {"type": "mlflow", "experiment": "wine"}],
        ),
        plugins=("One-file plugins to load, by paths relative to the spec; naming one runs it.", ["isrlu.py"]),
        output=("The run directory, relative to the working folder.", "runs/wine-large"),
    ),
    "Data": _section(
        path=(
            "The file of the data, relative to the spec; a list or a pattern (`part-*.csv`) names several, whose rows "
            "are joined, `-` is standard input, and an object names a source for each part.",
            {"train": "train.csv", "test": "test.csv"},
        ),
        format=("The format of the files; `auto` goes by their endings, or by a look inside.", "csv"),
        csv=("How the text of a table is split into cells.", {"delimiter": ";", "na": ["", "-"]}),
        target=("The column to predict; a list for several.", "quality"),
        task=(
            "What is predicted: a class, a number or several yes/no labels; `auto` goes by the target.",
            "regression",
        ),
        features=("The columns to learn from; `null` is all others.", ["age", "income"]),
        drop=("Columns to leave out.", ["id"]),
        categorical=("Columns of numbers that are codes of categories.", ["postcode"]),
        missing=(
            "What stands for a missing number; `indicate` is the median, and one more input that says where.  Missing "
            "text is a category of its own.",
            "median",
        ),
        columns=(
            "How single columns become inputs, by name or by a glob; a name wins over a glob, a later glob over those "
            "before it.",
            {"price": {"scale": ["log", "standard"]}, "x_*": {"scale": "quantile"}},
        ),
        scale=(
            "How numbers are scaled, by the training part; a list is applied in order.",
            ["robust", "clip"],
        ),
        categories=(
            "What text becomes: an input for each category (`null`, `one-hot`), or one input, -1 and 1, for two "
            "categories, and none for missing text (`compact`).",
            "compact",
        ),
        bins=(
            "Piecewise linear inputs beside each number, which is where it lies in a row of intervals.",
            {"count": 48, "by": "target"},
        ),
        target_scale=(
            "How a numeric target is scaled for the loss: `log` and `quantile` suit targets of very unequal size.  "
            "Predictions and metrics have its own unit.",
            "log",
        ),
        target_clip=("Whether predictions of numbers are kept between the targets of the training part.", True),
        rows=("How many of the training source's rows are used, for a quick try: a number or a share.", 0.1),
        weight=("A column with the weight of each row.", "weight"),
        group=(
            "A column, no input: a batch holds all rows of a group, and so does a part of the data, unless `split` "
            "says otherwise.",
            "query",
        ),
        class_weight=("The weight of each class; a class left out has 1.", {"yes": 5}),
        split=("The shares of rows held back for validation and test.", {"validation": 0.2, "test": 0.2}),
    ),
    "Csv": _section(
        delimiter=("What stands between cells; `auto` looks at the first rows.", ";"),
        header=("Whether the first row names the columns; without names they are `0`, `1`, ...", ["age", "income"]),
        na=("The texts that mean a missing value.", ["", "-"]),
        encoding=("The encoding of the text; `null` is UTF-8.", "latin-1"),
        skip=("How many lines at the top are left out.", 2),
        comment=("What a line begins with that is left out.", "#"),
        decimal=("What stands before the fraction of a number; `null` is a point.", ","),
        thousands=("What stands between groups of three digits.", "."),
        percent=("Whether a number may end in `%`, which is dropped: 12.5% is 12.5.", True),
    ),
    "Column": _section(
        scale=("How its numbers are scaled, instead of by `data.scale`.", "quantile"),
        missing=(
            "What stands for a missing cell; `drop` leaves its row out, except in rows to predict.  Categories take "
            "`mode`, `constant`, `drop` and `error`.",
            "constant",
        ),
        fill=("What `constant` puts for a missing cell: a number, or a category.", -1),
        categories=(
            "What its categories become: inputs (`one-hot`, `compact`), their place in `order`, or the mean target of "
            "the training rows with each.",
            "one-hot",
        ),
        order=("The categories in their order; those of the target are its classes in order.", ["low", "mid", "high"]),
        rare=("The fewest training rows of a category of its own; all others share one, new ones too.", 20),
        dates=(
            "That its texts are dates: `parts` gives year, month, day, weekday, hour and days since 1970, `cyclic` "
            "points on circles and the days.",
            "parts",
        ),
        format=("How its dates are written, as Python's strptime takes it, instead of by ISO 8601.", "%d.%m.%Y"),
        bins=("The bins of its numbers, instead of `data.bins`; 0 for none.", 0),
    ),
    "Bins": _section(
        count=(
            "How many intervals a column has, at most; all columns together have 2000.  `by-rows`: one for 64 training "
            "rows, from 4 to 128, and to 48 where the target is classes.",
            48,
        ),
        by=(
            "Where intervals meet: at `quantiles`, or where a decision tree on this column alone, with so many leaves, "
            "tells the `target` apart best.",
            "quantiles",
        ),
    ),
    "Split": _section(
        validation=("The share of rows held back to watch training by; left out: 0.15.", 0.2),
        test=("The share of rows held back for the last measure; left out: 0.15.", 0.1),
        stratify=("Whether each part gets its share of each class; `auto`: for classification.", False),
        by=(
            "A column of numbers or dates: the last rows by it are for test, those before them validation.",
            "day",
        ),
        group=("A column: rows with the same value stay in one part.", "patient"),
        column=("A column that says `train`, `validation` or `test` for each row.", "part"),
    ),
    "Model": _section(
        input=("What happens to the inputs before the first layer.", {"embedding": "pbld", "scale": True}),
        layers=(
            "The hidden layers, from the inputs to the output; an empty list is a linear model.",
            [{"units": 64, "activation": "relu", "dropout": 0.1}, 32],
        ),
        activation=("The function of each unit, in every hidden layer that names none.", "gelu"),
        norm=("The `norm` of every hidden layer that has none of its own.", "batch"),
        dropout=(
            "The `dropout` of every hidden layer that has none of its own.",
            {"value": 0.15, "schedule": "flat_cosine"},
        ),
        members=(
            "How many networks share all weights but the last layer's, each with trained scales of the inputs "
            "of its own; the mean of them predicts (TabM).",
            8,
        ),
        output_activation=("The activation that makes predictions; `auto` is the loss's own.", "sigmoid"),
        init=("How weights start; `auto` is what suits the activation.", "he_normal"),
        bias_init=("How biases start.", {"type": "constant", "value": 0.01}),
        dtype=(
            "The precision of weights and arithmetic; `bfloat16` is that of what products multiply, and all else is "
            "float32: faster on processors with AVX512_BF16.",
            "bfloat16",
        ),
    ),
    "Input": _section(
        embedding=(
            "What each number among the inputs becomes: several numbers, by trained parameters of its own; categories "
            "stay as they are.",
            {"type": "pbld", "frequencies": 16, "outputs": 4},
        ),
        categories=(
            "Whether a column of many categories is no input for each of them, but a few trained numbers that stand "
            "for the row's category.",
            {"size": 8, "over": 8},
        ),
        scale=(
            "Whether inputs, or what an embedding makes of them, are multiplied by trained numbers that start at 1.",
            {"rate": 6},
        ),
    ),
    "Categories": _section(
        size=("How many numbers stand for a category; a number alone is this.", 4),
        over=("The most categories of a column that stays as it is; a missing text does not count.", 20),
        rate=("Times the learning rate, for these numbers.", 0.1),
    ),
    "Scale": _section(
        rate=("Times the learning rate, for these numbers; a number alone is this.", 6),
    ),
    "Scheduled": _section(
        value=("The number at the schedule's factor 1.", 0.15),
        schedule=("A schedule, whose factor of each step multiplies the number.", "flat_cosine"),
    ),
    "Layer": _section(
        units=("How many units the layer has.", 64),
        activation=("The function of each unit; `auto` is `model.activation`.", {"type": "elu", "alpha": 0.5}),
        norm=(
            "Whether a row's units (`layer`) or a batch's rows (`batch`) are normalised before activation; `auto` is "
            "`model.norm`.",
            "layer",
        ),
        dropout=(
            "The share of the layer's outputs set to 0 in a training step, chosen anew each time; `auto` is "
            "`model.dropout`.",
            0.2,
        ),
        alpha_dropout=("As `dropout`, keeping mean and variance; for `selu`.", 0.05),
        residual=("Whether the layer's inputs are added to its outputs; both must be equally many.", True),
        init=("How this layer's weights start; `auto` is `model.init`.", "orthogonal"),
        bias_init=("How this layer's biases start; `auto` is `model.bias_init`.", "zeros"),
        rate=("Times the learning rate, for all that the layer trains: weights, biases, and what else there is.", 0.5),
    ),
    "TensorBoard": _section(
        dir=(
            "The folder for a folder of the run's name, relative to the working folder; `null`: `tensorboard` in the "
            "run directory.",
            "boards",
        ),
    ),
    "Trackio": _section(
        project=("The project that the run is in.", "wine"),
        name=("The name of the run; `null`: that of its directory.", "wide"),
    ),
    "MLflow": _section(
        experiment=("The experiment that the run is in.", "wine"),
        name=("The name of the run; `null`: that of its directory.", "wide"),
        tracking_uri=("Where MLflow keeps runs; `null`: as MLflow is set up.", "http://127.0.0.1:5000"),
    ),
    "WandB": _section(
        project=("The project that the run is in.", "wine"),
        name=("The name of the run; `null`: that of its directory.", "wide"),
        entity=("The user or team that the project is of; `null`: your own.", "vintners"),
        mode=("Whether it is sent at once; `null`: as W&B is set up.", "offline"),
    ),
    "Ensemble": _section(
        folds=("Into how many folds the training rows are cut; each model leaves one out, its validation part.", 8),
        members=("How many models each fold has, which differ in their seeds.", 3),
        refit=(
            "Whether the models are then trained anew on all rows, to the mean of the epochs that were kept (the best "
            "ones, or with `train.select` `null` the last ones), and replaced by these.",
            True,
        ),
    ),
    "Sweep": _section(
        parameters=(
            "What the trials differ in: for the path of each key its values, or a range of numbers; `[*]` is every "
            "layer.",
            {"model.layers[*].units": [32, 64], "optimizer.learning_rate": {"low": 0.0001, "high": 0.01, "log": True}},
        ),
        search=(
            "How the values of the trials are chosen: at `random`, all points of a `grid`, by `halving`, which trains "
            "the best longer, or by `tpe`, which learns from those before.",
            {"type": "random", "trials": 64},
        ),
        metric=(
            "What tells the best trial: a key of the history, of the weights that the trial keeps.",
            "validation_accuracy",
        ),
        folds=("Into how many folds the rows are cut for each trial, whose figure is their mean; 1: no folds.", 5),
        minutes=("After how many minutes no more trials begin; those in flight end.", 30),
    ),
    "Search": _section(
        type=("How values are chosen.", "tpe"),
        trials=(
            "How many trials there are: 20 where neither this nor `minutes` says otherwise; a grid has as many as it "
            "has points.",
            64,
        ),
        batch=("For `tpe`: how many trials are asked for before their results are told; 8 by default.", 16),
        epochs=("For `halving`: after how many epochs trials are first compared.", 5),
        factor=("For `halving`: of how many trials one goes on, for as many times the epochs; 3 by default.", 2),
    ),
    "Values": _section(
        values=("The values, of any kind that the key takes.", [16, 32, 64]),
        low=("The least number of a range.", 0.0001),
        high=("The largest number of a range.", 0.01),
        log=("Whether a number is drawn by its logarithm: as often below 0.001 as above it, in these ends.", True),
        integer=("Whether only whole numbers are drawn.", False),
    ),
    "Select": _section(
        monitor=(
            "The key of the history that is watched; `auto` is that of `early_stopping`, else the validation loss, and "
            "`metric` the first of the metrics, on the validation part.",
            "validation_accuracy",
        ),
        ties=("Which of epochs with the same value is kept.", "last"),
    ),
    "EarlyStopping": _section(
        monitor=(
            "The key of the history that is watched; `auto` is that of `select`, else the validation loss.",
            "validation_accuracy",
        ),
        patience=("After how many epochs without a better value training stops.", 20),
        min_delta=("By how much a value must be better to count.", 0.001),
    ),
    "Train": _section(
        epochs=("How many times training goes through all rows, at most.", 100),
        batch_size=(
            "How many rows a step takes; `auto` is 64, or all of them for an optimizer that needs them.  `by-rows` is "
            "64 up to 1024 training rows, 128 up to 8192, 256 up to 30 000, 512 up to 100 000, and 1024 from there on.",
            128,
        ),
        shuffle=(
            "How rows are mixed: `null` is all with all; `stripes` within 16 pieces of the data, each of which gives a "
            "sixteenth of every batch, so that a rank of several reads the same rows in every epoch.",
            "stripes",
        ),
        device=("Where to compute.", "cpu"),
        threads=("The most threads to use; no bit of the result depends on it.", 2),
        clip_norm=("The longest gradient that a step takes; a longer one is shortened.", 1.0),
        clip_value=("The largest element of a gradient; a larger one is cut.", 0.5),
        average=("The share of the old value in a running average of the weights, which is then the model.", 0.999),
        select=(
            "Which epoch's weights are kept: the best one, if there is a validation part; `null`: the last one.",
            "validation_accuracy",
        ),
        early_stopping=("Whether training stops when it gets no better, and keeps the best weights.", {"patience": 20}),
        calibrate=(
            "Whether probabilities are made as sure, after training, as they are right on the validation part: by one "
            "`temperature`.",
            "temperature",
        ),
        metrics=("What is measured on validation and test; `auto` follows from the task.", ["accuracy", "roc_auc"]),
        diagnostics=("Whether each epoch looks for dead units, saturated units and gradients that vanish.", True),
        checkpoint_seconds=("The time between two checkpoints of a run that may be interrupted.", 60),
    ),
}


def describe(section: type, key: str) -> Description:
    """Return what a key of a section is for."""
    return DESCRIPTIONS[section.__name__][key]

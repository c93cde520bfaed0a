"""The card of a model: a page of Markdown for a colleague, with the header of Hugging Face's model cards.

https://huggingface.co/docs/hub/model-cards (2024).  It has what the model's file says, and what a run wrote beside it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numbann.data.contract import FITTED
from numbann.data.tasks.regression import Regression
from numbann.data.wording import counted, listed, short, shortened
from numbann.errors import UNUSABLE, RunDirectoryError, describe_damage
from numbann.model.export import FORMATS, WEIGHTS
from numbann.model.features import TITLES, features_of
from numbann.model.file import NAME as MODEL
from numbann.model.provenance import components_of

if TYPE_CHECKING:
    from numbann.model.model import Model

NAME = "README.md"
LIBRARY = "library_name: numbann"  # by which a card is known
FIGURES, ORIGIN = "metrics.json", "manifest.json"  # what a run writes beside its model
PARTS = ("train", "validation", "test")
MOST_COLUMNS, MOST_CLASSES = 60, 40  # rows of a table
TAGS = {"regression": "tabular-regression"}  # of tasks; any other is tabular-classification


def card(
    model: Model,
    name: str,
    folder: Path | None = None,
    files: Sequence[str] = (),
    own: str = MODEL,
    figures: Mapping[str, Any] | None = None,
) -> str:
    """Return the card of a model.

    folder: of the run that trained it; files: beside the card, in other formats; own: the model's own file, empty if
    that is not beside the card.  figures: what a run's metrics say, in the place of the folder's.
    """
    known, origin = (_beside(folder, one) if folder else {} for one in (FIGURES, ORIGIN))
    figures = known if figures is None else figures
    sections = (
        _header(model, name, figures, origin),
        _summary(model, name, origin, figures),
        _use(model, files, own),
        _columns(model),
        _figures(figures),
        _limits(model, figures, origin),
    )
    try:
        return "\n".join(line for section in sections for line in section).rstrip() + "\n"
    except UNUSABLE as error:
        raise RunDirectoryError(f"{folder}: {FIGURES} or {ORIGIN} is damaged: {describe_damage(error)}") from None


def is_card(path: Path) -> bool:
    """Tell whether a file is a card that was written here, or is not there, so that it may be replaced."""
    try:
        return not path.exists() or LIBRARY in path.read_text(encoding="utf-8").splitlines()[:3]
    except (OSError, ValueError):
        return False


def place_of_card(folder: Path, stem: str | None) -> Path | None:
    """Return where the card of files with a stem is written; None where a page of somebody else is.

    README.md may be the card of other files; theirs is then STEM.md.  stem: None for that of a run, in its directory.
    """
    for path in (folder / NAME, folder / f"{stem}.md"):
        if not is_card(path):
            return None
        if stem is None or not path.exists() or f"\n- `{stem}." in path.read_text(encoding="utf-8"):
            return path
    return None


def _beside(folder: Path, name: str) -> dict[str, Any]:
    """Return what a file of a run says; nothing if it is not there."""
    path = folder / name
    try:
        found = json.loads(path.read_bytes()) if path.exists() else {}
        if not isinstance(found, dict):
            raise ValueError("it is no object")
    except (OSError, *UNUSABLE) as error:
        raise RunDirectoryError(f"{path}: cannot be used: {error}; take it away, or train anew") from None
    return found


def _header(model: Model, name: str, figures: Mapping[str, Any], origin: Mapping[str, Any]) -> Iterator[str]:
    tag = TAGS.get(model.task, "tabular-classification")
    yield from ("---", LIBRARY, f"pipeline_tag: {tag}", "tags:", f"- {tag}", "- numbann")
    part, values = _last(figures)
    if values:
        data = Path(origin["data"][0]["path"]).name if origin.get("data") else "data"
        yield from ("model-index:", f"- name: {json.dumps(name)}", "  results:", "  - task:", f"      type: {tag}")
        yield from ("    dataset:", "      type: tabular", f"      name: {json.dumps(data)}", f"      split: {part}")
        yield "    metrics:"
        for key, value in values.items():
            yield from (f"    - type: {json.dumps(key)}", f"      value: {json.dumps(value)}")
    yield from ("---", "")


def _summary(model: Model, name: str, origin: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    spec = model.resolved.spec
    yield from (f"# {name}", "", _sentence(model), "")
    rows = {"network": str(model.plan).partition(";")[0]}
    if spec.model.members:
        rows["members"] = f"{spec.model.members} in one network, which share all but scales of the inputs and the last "
        rows["members"] += "layer; the mean of their predictions is the answer"
    if len(model.models) > 1:
        rows["ensemble"] = f"{len(model.models)} such networks, each trained on other rows or from another seed; "
        rows["ensemble"] += "the mean of their predictions is the answer"
    rate = f"learning_rate {model.resolved.learning_rate:g}"
    rows["training"] = f"{model.resolved.loss.name}, {model.resolved.optimizer.name} ({rate}), "
    rows["training"] += f"batch {spec.train.batch_size}, {spec.train.epochs} epochs at most"
    if model.preprocessing.reading.origin != FITTED:  # where a random_state drew, which is no seed
        rows["training"] += f", seed {spec.seed}"
    if epoch := figures.get("weights_epoch", figures.get("best_epoch")):
        rows["training"] += f"; the weights are those of epoch {epoch}"
    for one in origin.get("data", ()):
        rows[f"data {Path(one['path']).name}"] = f"SHA-256 {one['sha256']}"
    if "versions" in origin:
        versions = ", ".join(f"{package} {version}" for package, version in origin["versions"].items())
        rows["trained"] = f"{origin['started']}, with {versions}"
    if plugins := _plugins(model):
        rows["plugins"] = ", ".join(f"{owner} {version}".strip() for owner, version in plugins.items())
    yield from table(("", ""), rows.items())


def _plugins(model: Model) -> dict[str, str]:
    """Return the version of each plugin that the model needs, by its file or distribution."""
    found = (component.plugin for component in components_of(model.resolved))
    return dict(sorted((origin.label, origin.version) for origin in found if origin))


def _sentence(model: Model) -> str:
    targets = ", ".join(map(code, model.targets))
    what = f"the value of {targets}"
    if model.task == "multilabel":
        what = f"yes or no for each of {targets}"
    elif model.classes:
        what = f"{targets}, one of {len(model.classes)} classes: {plain(listed(model.classes))}"
    return f"Predicts {what}, from {counted(len(model.features), 'column')}."


def _use(model: Model, files: Sequence[str], own: str) -> Iterator[str]:
    yield from ("## Use", "")
    if own:
        plugins = _plugins(model)
        written = [owner for owner in plugins if owner.endswith(".py")]
        named = f", plugins={json.dumps(written)}" if written else ""
        yield from ("```python", "import numbann", "", f"model = numbann.load({json.dumps(own)}{named})")
        yield from ("model.predict(frame)  # columns by name, as below", "```", "")
        command = " ".join(["numbann predict", shlex.quote(own), "new.csv", *(f"--plugin {one}" for one in written)])
        yield from (f"{code(command)} does the same for a file.", "")
        if plugins:
            needed = ", ".join(map(code, plugins))
            yield f"It needs {needed}: the file, or the distribution to be installed. Else `trust=True` (`--trust`)"
            yield from ("runs the source that is kept in the model; say so only if you trust its origin.", "")
    of_weights = [FORMATS[format] for format in WEIGHTS]
    for file in files:
        what = "the whole model, from raw columns to predictions"
        if Path(file).suffix in of_weights:
            what = "the trained numbers alone, with what they are for as texts of JSON"
        yield f"- {code(file)}: {what}."
    yield from [""] * bool(files)


def _columns(model: Model) -> Iterator[str]:
    found = features_of(model.preprocessing)
    yield from ("## Columns", "")
    yield from table(TITLES, ((code(one.name), *map(plain, one[1:])) for one in found[:MOST_COLUMNS]))
    if len(found) > MOST_COLUMNS:
        yield from (f"... and {len(found) - MOST_COLUMNS} more, {found[-1].takes}s at the end.", "")
    if any(one.takes == "number" for one in found):
        yield from ("In a column of numbers `true` is 1, and `false` is 0.", "")


def _last(figures: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the last part that was measured, and its figures."""
    return next(((part, figures[part]) for part in reversed(PARTS) if figures.get(part)), ("", {}))


def _figures(figures: Mapping[str, Any]) -> Iterator[str]:
    part, values = _last(figures)
    if not values:
        return
    yield from ("## Figures", "")
    rows = [(one, *(_number(value) for value in figures[one].values())) for one in PARTS if figures.get(one)]
    guess = figures.get("baseline", {}).get(part)
    if guess:
        rows.append(
            (f"a guess without inputs ({part})", *(_number(guess[key]) if key in guess else "" for key in values))
        )
    yield from table(("part", *values), rows)
    confusion, targets = figures.get("confusion", {}).get(part), figures.get("targets", {}).get(part)
    if confusion:
        yield from (f"Classes of {part}:", "")
        titles = ("class", "precision", "recall", "rows")
        yield from table(titles, ((code(one), *cells) for one, *cells in _classes(figures["classes"], confusion)))
    if targets:
        names = list(next(iter(targets.values())))
        yield from (f"Targets of {part}:", "")
        rows = [(code(one), *(_number(found.get(key)) for key in names)) for one, found in targets.items()]
        yield from table(("target", *names), rows)


def _classes(classes: Sequence[Any], confusion: Sequence[Sequence[int]]) -> Iterator[tuple[str, ...]]:
    """Yield each class with its precision, recall and rows."""
    predicted = [sum(column) for column in zip(*confusion, strict=True)]
    for k, row in enumerate(confusion[:MOST_CLASSES]):
        shares = (f"{row[k] / of:.3f}" if of else "" for of in (predicted[k], sum(row)))
        yield (str(classes[k]), *shares, str(sum(row)))


def _limits(model: Model, figures: Mapping[str, Any], origin: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Limits", "")
    part, values = _last(figures)
    confusion = figures.get("confusion", {}).get(part)
    if part == "train":
        yield "- All figures are of the rows that it learned from; others are predicted worse: see `numbann evaluate`."
    elif confusion and "accuracy" in values:
        rows, share = sum(map(sum, confusion)), values["accuracy"]
        error = 2 * (share * (1 - share) / rows) ** 0.5
        yield f"- The accuracy on {part} is of {rows} rows, uncertain by some {error:.3f} (two standard errors)."
    if not values:
        yield "- How well it predicts is not known here; `numbann evaluate` measures it on rows with known targets."
    yield "- It holds for rows like those of training. For numbers far outside of them a prediction means little."
    categories = model.preprocessing.encoding.categories
    whole = [code(name) for name, known in categories.items() if not known.folded]
    if whole:
        yield f"- A text that training did not have leaves all inputs of its column at 0, in {shortened(whole)}."
    task = model.preprocessing.task
    if isinstance(task, Regression) and task.low:
        ranges = zip(map(code, task.names), task.low, task.high, strict=True)
        bounds = (f"{name} from {low:g} to {high:g}" for name, low, high in ranges)
        yield f"- Predictions stay within the targets of training: {', '.join(bounds)}."
    if model.classes and not model.resolved.spec.train.calibrate:
        yield "- Probabilities are as the loss left them, and were not calibrated."
    for finding in origin.get("findings", ()):
        yield f"- Of the data: {plain(' '.join(str(finding.get('text', '')).split()))}"


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a table of Markdown and an empty line."""
    for cells in (titles, ["---"] * len(titles), *rows):
        yield "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
    yield ""


def code(text: str) -> str:
    """Return a text as code in a line of Markdown, whatever it holds."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, text = "`" * (longest + 1), " ".join(text.splitlines()) or " "
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"


def plain(text: str) -> str:
    """Return a text in which Markdown finds no marks."""
    return re.sub(r"([\\`*<\[\]])", r"\\\1", text)


def _number(value: Any) -> str:
    return "" if value is None else short(value) if isinstance(value, float) else str(value)

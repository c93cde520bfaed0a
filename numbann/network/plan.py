"""The plan of a network: its layers with their shapes and components, for any device, in a printable form."""

from __future__ import annotations

from dataclasses import fields, replace

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.components.matrices import shape_of
from numbann.components.parameter import PLAIN, Tuning
from numbann.derivation.outputs import by_rows, outputs_of
from numbann.errors import ShapeError
from numbann.network.chain import Chain, Layer, layer_of
from numbann.network.description import STRIPED, Network, Training
from numbann.network.states import TRAINED
from numbann.network.steps import Drop, Enter, Vector
from numbann.network.steps.step import BATCH, ROW
from numbann.records import dataclass

ITEMSIZE = {"float32": 4, "float64": 8}
ARRAYS = {"float32": "float32", "float64": "float64", "bfloat16": "float32"}  # their dtype, by that of a network


@dataclass(frozen=True, kw_only=True)
class Plan(Training):
    """A network and its training.  `link` turns the last layer's output into predictions, if that is not one.

    dtype: of all arrays and sums.  products: the precision of what is multiplied, the same or "bfloat16".
    """

    layers: tuple[Layer, ...]
    products: str = "float32"
    members: int = 1

    @property
    def extras(self) -> tuple[str, ...]:
        """What changes a weight beside the optimizer's own step: "clip_value", "l1", "average"."""
        return tuple(name for name in ("clip_value", "l1", "average") if getattr(self, name))

    @property
    def inputs(self) -> int:
        """The width of the network's input."""
        entering = [step for step in self.layers[0].training.steps if isinstance(step, Enter)]
        return sum(len(step.columns) for step in entering) or self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """The width of the network's output."""
        return self.layers[-1].width

    @property
    def vectors(self) -> list[Vector]:
        """The trained vectors of all layers beside w and b."""
        return [vector for layer in self.layers for vector in layer.vectors]

    @property
    def tuning(self) -> dict[str, Tuning]:
        """How each trained tensor is trained, by its name."""
        found: dict[str, Tuning] = {}
        for k, layer in enumerate(self.layers):
            found[f"layers.{k}.weight"], found[f"layers.{k}.bias"] = layer.product.tuning, layer.product.bias_tuning
            found |= {vector.name: vector.tuning for vector in layer.vectors}
        return found

    @property
    def tunings(self) -> list[Tuning]:
        """How tensors are trained, each way once, the plain one first."""
        return list(dict.fromkeys([PLAIN, *self.tuning.values()]))

    @property
    def parameters(self) -> int:
        """The number of trained parameters."""
        vectors = [vector.size for vector in self.vectors]
        return sum((layer.inputs + 1) * layer.outputs for layer in self.layers) + sum(vectors)

    @property
    def keys(self) -> int:
        """The keys of random numbers that an epoch needs: two for each layer, if any layer draws."""
        return 2 * len(self.layers) if any(layer.noisy for layer in self.layers) else 0

    @property
    def couples_losses(self) -> bool:
        """Whether a row's loss depends on the outputs for all rows of its batch, in evaluation too."""
        return self.loss.component.form == "batch"

    @property
    def by_groups(self) -> bool:
        """Whether a row's loss depends on the rows of its group, so that rows must be in groups."""
        return self.loss.component.asks("group", "group_end")

    @property
    def whole_batches(self) -> bool:
        """Whether the outputs of a layer, or the loss, depend on all rows of the batch."""
        return self.couples_losses or any(BATCH in layer.training.scopes for layer in self.layers)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The shapes of a model's tensors by name: trained tensors and statistics."""
        found: dict[str, tuple[int, ...]] = {}
        for k, layer in enumerate(self.layers):
            found[f"layers.{k}.weight"] = (layer.inputs, layer.outputs)
            found[f"layers.{k}.bias"] = (layer.outputs,)
            found |= {vector.name: (vector.size,) for vector in (*layer.vectors, *layer.statistics)}
        return found

    @property
    def samples(self) -> bool:
        """Whether an initializer asks for a sample of a layer's inputs."""
        products = [layer.product for layer in self.layers]
        inits = [init for one in products for init in (one.init, one.bias_init) if init]
        inits += [vector.init for vector in self.vectors if vector.init]
        return any({"x", "z"} & set(init.component.roles) for init in inits)

    @property
    def apart(self) -> bool:
        """Whether other weights predict than those that train: their average, or a state of the optimizer."""
        return bool(self.average or self.optimizer.component.predicts)

    @property
    def kept(self) -> tuple[str, ...]:
        """What is stored in the weights' own layout beside those that predict: the ones that train, and states."""
        component = self.optimizer.component
        others = {*component.shapes, component.predicts}
        return (
            *((TRAINED,) if self.apart else ()),
            *(state for state in self.optimizer.stored_states if state not in others),
        )

    @property
    def shaped(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the optimizer's other states, by the names of state and tensor."""
        component = self.optimizer.component
        statistics = {vector.name for layer in self.layers for vector in layer.statistics}
        trained = {name: shape for name, shape in self.tensors.items() if name not in statistics}
        return {
            f"{state}.{name}": shape_of(component, state, (shape[0] if len(shape) > 1 else 1, shape[-1]))
            for state in component.shapes
            for name, shape in trained.items()
        }

    @property
    def moving(self) -> dict[str, float]:
        """The numbers that change while training, which a course's factor multiplies."""
        return {name: self.numbers[name] for name in self.courses}

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers that may have a course, by name."""
        drops = [layer.training.step(Drop) for layer in self.layers]
        found = {f"layers.{k}.dropout": step.rate for k, step in enumerate(drops) if step and not step.shift}
        smoothing = {name: value for name, value in self.loss.values.items() if name == "label_smoothing"}
        return {"weight_decay": self.weight_decay, **smoothing, **found}

    def chains(self, training: bool) -> list[Chain]:
        """Each layer's chain, for training or for predictions."""
        return [layer.training if training else layer.predicting for layer in self.layers]

    def batch_rows(self, rows: int) -> int:
        """The rows of a batch, out of `rows` rows in all."""
        return min(self.batch_size or rows, rows)

    def step_flops(self, rows: int) -> int:
        """Floating-point operations of a training step, two for a product and a sum, without a way back to inputs."""
        products = [3 * layer.inputs * layer.outputs for layer in self.layers]
        return 2 * rows * (sum(products) - self.layers[0].inputs * self.layers[0].outputs)

    def __str__(self) -> str:
        each = [str(layer.outputs) + f" to {layer.width}" * (layer.width != layer.outputs) for layer in self.layers]
        first, given = self.layers[0].inputs, str(self.inputs)
        sizes = " -> ".join([given + f" to {first}" * (first != self.inputs), *each])
        names = [layer.activation.name if layer.activation else "none" for layer in self.layers]
        return (
            f"{sizes} ({', '.join(names)}), {self.parameters} parameters, {self.products}; "
            f"{self.loss.name}, {self.optimizer.name}, batch {self.batch_size or 'full'}"
        )


def build(network: Network) -> Plan:
    """The plan of a network; ShapeError for a precision, a norm or a size that there is not."""
    if network.dtype not in ARRAYS:
        raise ShapeError(f"dtype {network.dtype!r} is unknown; give {' or '.join(ARRAYS)}")
    if not network.layers or any(
        dense.units < 1 or dense.norm not in (None, "layer", "batch") for dense in network.layers
    ):
        raise ShapeError('give one layer or more, each with a unit or more and the norm None, "layer" or "batch"')
    if network.shuffle not in (None, STRIPED):
        raise ShapeError(f'shuffle {network.shuffle!r} is unknown; give None or "{STRIPED}"')
    if network.average and network.optimizer.component.predicts:
        raise ShapeError(f'average: "{network.optimizer.name}" predicts with weights of its own; leave average out')
    loss, width = network.loss.component, network.layers[-1].width
    if loss.form == "batch" and loss.columns and width != (wanted := loss.outputs_by(network.loss.values)):
        raise ShapeError(f"{loss.name} takes {wanted} outputs; give the last layer so many, not {width}")
    link = _link(network)
    network = replace(network, loss=by_rows(network.loss))
    layers = tuple(layer_of(network, k, link) for k in range(len(network.layers)))
    chosen = {one.name: getattr(network, one.name) for one in fields(Training)}
    made = {**chosen, "link": link, "target": network.target or _target(network), "dtype": ARRAYS[network.dtype]}
    made["products"] = network.dtype
    plan = Plan(**made, layers=layers, members=network.members)
    if plan.optimizer.component.form == "solver" and (plan.tunings != [PLAIN] or plan.courses):
        raise ShapeError(f"{plan.optimizer.name} moves all numbers at once; leave rates and decays of their own out")
    for name in network.courses.keys() - plan.numbers.keys():
        raise ShapeError(f"courses: {name!r} does not change while training; its numbers are {', '.join(plan.numbers)}")
    if network.members > 1:
        _check_members(network, plan)
    return plan


def _check_members(network: Network, plan: Plan) -> None:
    """ShapeError for what members exclude, since their rows go through the shared layers one by one."""
    last = plan.layers[-1].training
    if plan.whole_batches:
        raise ShapeError("members: a norm or loss of whole batches would mix their rows; leave one of them out")
    if network.layers[-1].residual or ROW in {step.scope for step in last.steps}:
        raise ShapeError("members: the last layer's step of whole rows would mix their outputs; leave one of them out")


def _link(network: Network) -> Configured | None:
    """The link from outputs to predictions, None for an identity."""
    if network.loss.component.gives is not None:
        return outputs_of(network.loss)
    link = network.link or built_in().configured("activation", network.loss.component.traits["link"])
    if link.ratio != (1, 1):
        raise ShapeError(f"link {link.name}: changes the number of outputs; give an activation that does not")
    return None if link.name == "identity" else link


def _target(network: Network) -> str:
    """The form of the targets that a loss asks for."""
    loss = network.loss.component
    return "label" if "label" in loss.roles else str(loss.traits["target"])

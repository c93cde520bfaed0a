"""Loads the model of a run directory or of a file, a single network or an ensemble."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from numbann.errors import path_from
from numbann.model import provenance
from numbann.model.ensemble import Ensemble
from numbann.model.file import file_of, read_model
from numbann.model.model import Model
from numbann.plugins.finding import with_files

REMEDY = "run the source that is kept in the model, if you trust where it comes from: --trust (trust=True)"


def load(
    path: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    trust: bool = False,
    plugins: Iterable[str | Path] = (),
) -> Model:
    """Load the model of a run directory or of a .safetensors file.

    device: where it predicts, a name in numbann.engine.devices; "auto" is the CPU.
    plugins: files of plugins to import.  Components that numbann lacks are looked up in them and in what is installed;
    nothing is imported because the file names it.
    trust: run the source code of such components that is stored in the file instead.  Use it only if you know where the
    file comes from: the code can do anything.
    """
    place = file_of(path_from(path, "a run directory or a .safetensors file"))
    file = read_model(place)
    if trust:
        registry = provenance.registry_of_kept(file.components, str(place))
    else:
        registry = provenance.registry_of(file.components, with_files(map(Path, plugins)), str(place), REMEDY)
    kind = Ensemble if file.models else Model
    model = kind.restored(file, registry, place, "auto" if threads is None else threads, device)
    resolved = model.resolved
    parts = [*(layer.activation for layer in resolved.layers if layer.activation), resolved.output_activation]
    parts += [resolved.loss] if resolved.loss.component.gives else []
    parts += [resolved.embedding] if resolved.embedding else []
    provenance.verify(file.components, [part.component for part in parts], str(place), REMEDY)
    return model

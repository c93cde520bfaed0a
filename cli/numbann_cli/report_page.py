"""The page of `numbann report`: one HTML file on a run, with its pictures in it, that asks nothing of a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from numbann.data.contract import PARTS
from numbann.training.rundir import MANIFEST, METRICS, open_existing
from numbann.training.unchecked import reading
from numbann_cli.models_table import ModelRows, rows_of
from numbann_cli.pictures.canvas import as_svg
from numbann_cli.pictures.catalogue import PICTURES, Drawn, reasons
from numbann_cli.pictures.look import Look
from numbann_cli.rows import GUESSES, columns, number
from numbann_cli.run_page import facts_of
from numbann_cli.tables import CLASS_TITLES, class_rows

MOST_EPOCHS = 200
SMALL = 600  # pixels of width below which a picture may shrink to that of a telephone
NOTHING_LEAVES = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: only light; }
body { margin: 0; background: #fff; color: #1a1a1a; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 54rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
p { margin: .4rem 0; }
.soft { color: #595959; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .8rem 0; }
dt { color: #595959; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { font-weight: 600; border-bottom-color: #bbb; }
figure { margin: 1.6rem 0; }
figure h3 { font-size: 1rem; margin: 0; }
figcaption { color: #595959; font-size: .92rem; }
figure .wide img { display: block; max-width: max(100%, 34rem); height: auto; }
figure .wide img.small { max-width: 100%; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: .85rem; }
summary { cursor: pointer; margin: .6rem 0; }
"""


def report(look: Look, drawn: Sequence[Drawn]) -> str:
    """Return the page of a run, as HTML."""
    run = open_existing(look.path)
    with reading(run.path / MANIFEST) as file:
        manifest = json.loads(file.read_bytes())
        found = [one["text"] for one in manifest["findings"]]
    facts = facts_of(run)
    with reading(run.path / METRICS):
        results = list(_results(look))
    parts = [
        *_head(look, facts),
        *results,
        *_section("Found in the data", _items(found)),
        *_section("Pictures", (piece for one in drawn if one.figure is not None for piece in _picture(one))),
        *_section("Not drawn", _items(reasons(drawn))),
        *_details(look),
    ]
    return "\n".join([*_opening(look.name), *parts, "</main>", "</body>", "</html>", ""])


def _opening(name: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{NOTHING_LEAVES}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(name)} - numbann</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>"


def _head(look: Look, facts: Mapping[str, str]) -> Iterator[str]:
    yield f"<h1>{escape(look.name)}</h1>"
    yield f'<p class="soft">{escape(look.spec["data"]["task"])}, trained by numbann</p>'
    yield "<dl>"
    for label, value in facts.items():
        yield f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"


def _results(look: Look) -> Iterator[str]:
    """Yield the figures of each part beside those of a guess, and those of each class, target and fold."""
    metrics = look.metrics
    if metrics is None:
        yield from _section("Result", ["<p>The run is not complete.</p>"])
        return
    parts = [part for part in PARTS if part in metrics]
    last, guess = parts[-1], metrics.get("baseline", {}).get(parts[-1], {})
    names = list(metrics[last])
    rows = [[name, *(number(metrics[part].get(name)) for part in parts)] for name in names]
    titles = ["", *parts]
    if guess:
        titles.append(f"a guess, {last}")
        rows = [[*row, number(guess[row[0]]) if row[0] in guess else ""] for row in rows]
    told = f"Best epoch: {metrics['best_epoch']}." + (
        f" The guess is {GUESSES[look.spec['data']['task']]} of the training rows." if guess else ""
    )
    yield from _section("Result", [f"<p>{escape(told)}</p>", *_table(titles, rows)])
    if last in metrics.get("confusion", {}):
        rows = class_rows(metrics["classes"], metrics["confusion"][last])
        yield from _section(f"Classes, {last} rows", _table(["", *CLASS_TITLES], rows))
    targets = metrics.get("targets", {}).get(last, {})
    if targets:
        keys = list(next(iter(targets.values())))
        rows = [[name, *(number(values.get(key)) for key in keys)] for name, values in targets.items()]
        yield from _section(f"Targets, {last} rows", _table(["", *keys], rows))
    if look.folds:
        keys = [*ModelRows(tuple(metrics["models"][0]["validation"])).titles]
        rows = [
            [number(one.get(key, "")) if one.get(key) is not None else "all" for key in keys]
            for one in rows_of(metrics)
        ]
        yield from _section("Models", _table(keys, rows))


def _picture(one: Drawn) -> Iterator[str]:
    kind = PICTURES[one.name]
    picture = base64.b64encode(as_svg(one.figure).encode()).decode()
    yield f'<figure id="{one.name}"><h3>{escape(kind.title)}</h3>'
    width, source = round(96 * one.figure.get_figwidth()), f"data:image/svg+xml;base64,{picture}"
    kept = ' class="small"' if width < SMALL else ""
    yield f'<div class="wide"><img{kept} width="{width}" alt="{escape(kind.title)}" src="{source}"></div>'
    yield f"<figcaption>{escape(kind.reading)}</figcaption></figure>"


def _details(look: Look) -> Iterator[str]:
    """Yield what is folded away: the epochs, and the spec."""
    yield "<h2>Details</h2>"
    if len(look.histories) == 1:
        history = look.histories[0]
        keys, every = columns(history[0]), -(-len(history) // MOST_EPOCHS)
        rows = [[number(record[key]) for key in keys] for record in history[::every]]
        some = "" if every == 1 else f", each {every}th"
        yield f"<details><summary>Epochs{some}</summary>"
        yield from _table(keys, rows)
        yield "</details>"
    spec = json.dumps(look.spec, indent=2, ensure_ascii=False)
    yield f"<details><summary>Spec</summary><pre>{escape(spec)}</pre></details>"


def _section(title: str, pieces: Iterable[str]) -> Iterator[str]:
    """Yield a title with what is under it, if there is anything."""
    inner = list(pieces)
    if inner:
        yield f"<h2>{escape(title)}</h2>"
        yield from inner


def _items(texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield '<div class="wide"><table>'
    yield "<tr>" + "".join(f"<th>{escape(str(title))}</th>" for title in titles) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
    yield "</table></div>"

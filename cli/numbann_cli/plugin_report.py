"""The report of `numbann plugins check` on a component: one line per check, its speed beside others', a verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, field
from functools import partial
from typing import Any

from numbann.components.component import Component
from numbann.errors import NumbannError
from numbann.records import dataclass
from numbann.testing.checks import findings_of, run
from numbann.testing.findings import FAILED, PASSED, SKIPPED, WARNING, Finding, spot_of

MARKS = {PASSED: "✓", FAILED: "✗", WARNING: "!", SKIPPED: "-"}
PLAIN = {"✓": "ok", "✗": "FAIL"}  # for terminals that cannot print the marks
NARROW = 11


@dataclass
class Report:
    """The findings on a component, and its speed: {kernel: {name: ns per number}} and {name: us per step}."""

    name: str
    kind: str
    place: str
    findings: list[Finding] = field(default_factory=list)
    nanoseconds: dict[str, dict[str, float]] = field(default_factory=dict)
    step_microseconds: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> list[str]:
        """The names of the checks that failed."""
        return [finding.check for finding in self.findings if finding.failed]

    def json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {**asdict(self), "passed": not self.failed}


def report_failure(what: str, error: Exception) -> Report:
    """Return the report of a plugin that cannot be loaded."""
    return Report(what, "plugin", what, [Finding("loading", FAILED, str(error))])


def report_component(component: Component) -> Report:
    """Run all checks, and time the component if it compiles."""
    report = Report(component.name, component.kind, spot_of(component.function))
    report.findings += findings_of(component)
    compiled = any(finding.check == "precision" and finding.state != SKIPPED for finding in report.findings)
    if compiled and "precision" not in report.failed:
        from numbann.engine.devices import checks
        from numbann.testing import speed

        report.findings.append(run("vectors", speed.check_vectors, component))
        report.findings += [run(name, check, component) for name, check in checks()]
        timed = run("speed", partial(_time, report), component)
        report.findings += [timed] if timed.failed else []
    return report


def _time(report: Report, component: Component) -> str:
    """Fill in the times of a report."""
    from numbann.testing import speed

    report.nanoseconds = speed.measure_nanoseconds(component)
    report.step_microseconds = speed.measure_step(component)
    return ""


def format_report(report: Report) -> Iterator[str]:
    """Yield the lines of the report for people."""
    yield f"{report.kind} {report.name}" + (f"   {report.place}" if report.place != report.name else "")
    yield ""
    for finding in report.findings:
        yield f"  {_mark(finding.state)} {finding.check:<{NARROW}}{finding.message}"
        for detail in (finding.place, finding.remedy and f"-> {finding.remedy}"):
            if detail:
                yield f"    {'':<{NARROW}}{detail}"
    for kernel, times in report.nanoseconds.items():
        yield f"    {'speed':<{NARROW}}{kernel}: {_times(times, 'ns a number', '.2f')}"
    if report.step_microseconds:
        step = "784-128-10, batches of 32, one thread"
        yield f"    {'step':<{NARROW}}{_times(report.step_microseconds, 'us a training step', '.1f')}; {step}"
    yield ""
    yield f"  {_verdict(report)}"


def _mark(state: str) -> str:
    mark = MARKS[state]
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return PLAIN.get(mark, mark)
    return mark


def _times(times: dict[str, float], unit: str, digits: str) -> str:
    """Return the component's time and those of others: "0.25 ns a number (relu 0.03, sigmoid 0.17)"."""
    (_, own), *others = ((name, _time_in_words(time, digits)) for name, time in times.items())
    beside = ", ".join(f"{name} {time}" for name, time in others)
    return f"{own} {unit}" + (f" ({beside})" if beside else "")


def _time_in_words(time: float, digits: str) -> str:
    """Return a time, or that it is less than what the digits show."""
    least = 10.0 ** -int(digits[1:-1])
    return f"{time:{digits}}" if time >= least else f"<{least:{digits}}"


def _verdict(report: Report) -> str:
    failed = report.failed
    if failed:
        return f"Verdict: {report.name} is not to be used yet; {_listed(failed)} failed."
    doubts = [finding.check for finding in report.findings if finding.state == WARNING]
    remarks = f", with a remark on {_listed(doubts)}" if doubts else ""
    names = [finding.check for finding in report.findings if finding.state != SKIPPED]
    few = f" that there is for it, {_listed(names)}" if len(names) < 3 else ""
    return f"Verdict: {report.name} passes every check{few}{remarks}."


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def report_all(what: str, load: Callable[[], Iterable[Component | NumbannError]]) -> Iterator[Report]:
    """Yield the reports of what is loaded, as they are made: of components, and of errors in their places."""
    try:
        for part in load():
            yield report_component(part) if isinstance(part, Component) else report_failure(what, part)
    except NumbannError as error:
        yield report_failure(what, error)


def summary(reports: Sequence[Report]) -> str:
    """Return the verdict on several reports."""
    failed = [report.name for report in reports if report.failed]
    passed = f"{len(reports) - len(failed)} of {len(reports)} pass"
    return f"{passed}; not {_listed(failed)}" if failed else passed

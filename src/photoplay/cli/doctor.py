"""`photoplay doctor`: what this machine can run, what is missing, and what to do about it. No server has to run."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Annotated, Final

import typer

from photoplay.domain.errors import ConfigError, EngineUnavailable
from photoplay.domain.json import JsonObject
from photoplay.engines.engine import Finding
from photoplay.engines.setup import REMOTES, SETUPS, check_engine
from photoplay.settings import Settings, read_settings

__all__ = ["doctor"]


class Status(StrEnum):
    READY = "ready"
    """Configured, and everything is there."""
    NOT_READY = "not ready"
    """Configured, and something is missing."""
    OFF = "off"
    """Not in PHOTOPLAY_ENGINES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    engine: str
    status: Status
    findings: Sequence[Finding]


MARKS: Final = {True: "ok", False: "--"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
) -> None:
    """Tell what this machine can run, what is missing, and what to do about it.

    Looks at the machine, and at every engine with the settings as they are; no server has to run, and none is started.
    An engine that is not in PHOTOPLAY_ENGINES is looked at too, but nothing that it lacks counts.

    Exits with 1 if the machine or an engine of PHOTOPLAY_ENGINES lacks anything.
    """
    from photoplay.cli.machine import examine  # noqa: PLC0415 - 30 MB of FFmpeg that the other commands need not carry

    settings = read_settings()
    machine = list(examine(settings))
    engines = [_examined(engine, settings) for engine in (*SETUPS, *REMOTES)]
    is_well = all(finding.is_well for finding in machine) and all(
        examined.status is not Status.NOT_READY for examined in engines
    )
    if as_json:
        typer.echo(json.dumps(_to_json(machine, engines, is_well=is_well)))
    else:
        _print(machine, engines, is_well=is_well)
    if not is_well:
        raise typer.Exit(1)


def _examined(engine: str, settings: Settings) -> Examined:
    try:
        findings = check_engine(engine, settings)
    except (ConfigError, EngineUnavailable) as exc:
        findings = [Finding(what="engine", is_well=False, words=str(exc))]
    if engine not in settings.engines:
        return Examined(engine=engine, status=Status.OFF, findings=findings)
    is_ready = all(finding.is_well for finding in findings)
    return Examined(engine=engine, status=Status.READY if is_ready else Status.NOT_READY, findings=findings)


def _print(machine: Sequence[Finding], engines: Sequence[Examined], *, is_well: bool) -> None:
    typer.echo("This machine")
    _print_findings(machine)
    for examined in engines:
        note = " (not in PHOTOPLAY_ENGINES)" if examined.status is Status.OFF else ""
        typer.echo(f"\nEngine {examined.engine}: {examined.status}{note}")
        _print_findings(examined.findings)
    typer.echo(f"\n{'All that is configured can run.' if is_well else 'Something that is configured cannot run.'}")


def _print_findings(findings: Sequence[Finding]) -> None:
    width = max((len(finding.what) for finding in findings), default=0)
    for finding, after in zip_longest(findings, findings[1:]):
        typer.echo(f"  {MARKS[finding.is_well]}  {finding.what.ljust(width)}  {finding.words}")
        # One cure for several ills is told once.
        if finding.remedy and (after is None or after.remedy != finding.remedy):
            typer.echo(f"      {' ' * width}  do: {finding.remedy}")


def _to_json(machine: Sequence[Finding], engines: Sequence[Examined], *, is_well: bool) -> JsonObject:
    return {
        "isWell": is_well,
        "machine": [_finding_to_json(finding) for finding in machine],
        "engines": [
            {
                "engine": examined.engine,
                "status": examined.status,
                "findings": [_finding_to_json(finding) for finding in examined.findings],
            }
            for examined in engines
        ],
    }


def _finding_to_json(finding: Finding) -> JsonObject:
    return {
        "what": finding.what,
        "isWell": finding.is_well,
        "words": finding.words,
        "remedy": finding.remedy or None,
    }

"""The command line: `vamappo`. Results go to standard output, progress and messages to standard error.

Exit status: 0 done; 1 ran, and a check failed; 2 bad input; 3 the environment lacks something; 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

DONE, CHECK_FAILED, BAD_INPUT, LACKING, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="vamappo",
    help="Discrete-event network simulator with RL hooks: run scenario files, read latency tails, stress with spikes.",
    epilog="Example: vamappo run m-m-1",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register() -> None:
    """Adds every command; their modules import what they need when they run."""
    from scenarios.commands import bench, check, compare, demo, describe, evaluate, fit_profile, imports, listing, run, stress, tail, test, train, validate

    app.command(epilog="Example: vamappo run edge-chat --policy shortest-expected-delay --replications 10 --workers 2")(run.run)
    app.command(epilog="Example: vamappo train regimes --decisions 400000 --set learning.greedy_prior=15")(train.train)
    app.command(epilog="Example: vamappo evaluate edge-chat --policies least-loaded,shortest-expected-delay --replications 30 --workers 2")(evaluate.evaluate)
    app.command(epilog="Example: vamappo compare results/before results/after")(compare.compare)
    app.command(epilog="Example: vamappo check edge-chat")(check.check)
    app.command(epilog="Example: vamappo describe edge-chat")(describe.describe)
    app.command(name="list", epilog="Example: vamappo list laws")(listing.list_)
    app.command(epilog="Example: vamappo schema > scenario.schema.json")(listing.schema)
    app.command(epilog="Example: vamappo stress edge-chat --sweep 'spikes.edge-slow.factor=2;4;8' --replications 10 --workers 2")(stress.stress)
    app.command(epilog="Example: vamappo tail results/edge-chat; vamappo tail --csv mine.csv --column latency --unit ms")(tail.tail)
    app.command(epilog="Example: vamappo validate --quick")(validate.validate)
    app.add_typer(imports.app, name="import")
    app.command(name="fit-profile", epilog="Example: vamappo fit-profile perf_model.csv -o profiles.yaml")(fit_profile.fit_profile)
    app.command(epilog="Example: vamappo demo --small")(demo.demo)
    app.command(epilog="Example: vamappo test --full", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(test.test)
    app.command(epilog="Example: vamappo bench --pairs 5", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bench.bench)


def fail(message: str, status: int = BAD_INPUT) -> typer.Exit:
    """Says what is wrong on standard error; raise what it returns."""
    print(message, file=sys.stderr)
    return typer.Exit(status)


def main() -> None:
    """The installed command."""
    import atexit
    import signal

    from scenarios.commands.errors import user_errors

    register()
    try:
        app()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(DONE)
    except OSError as error:  # a place that cannot be written to, a full disc
        print(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else error, file=sys.stderr)
        sys.exit(BAD_INPUT)
    except Exception as error:
        if not isinstance(error, user_errors()):
            raise
        print(error, file=sys.stderr)
        sys.exit(BAD_INPUT)
    finally:
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # an interrupt while Python winds up would only hide the status

"""python -m gateway.sip.native build | install: the recipe without the rest of Parley."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from gateway.errors import SetupError
from gateway.sip.native import recipe


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m gateway.sip.native", description="Builds pjsua2 with the media bridge."
    )
    parser.add_argument(
        "command", choices=["build", "install"], help="build: print the wheel's path; install: into this Python too"
    )
    parser.add_argument("--source", help="path or URL of a pjproject tarball instead of Debian's source package")
    parser.add_argument("--sha256", help="checksum that the tarball must have")
    parser.add_argument("--jobs", type=int, default=2, help="compilers at once")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    try:
        wheel = recipe.ensure(source=options.source, sha256=options.sha256, jobs=options.jobs)
        console.print(str(wheel), highlight=False)
        if options.command == "install":
            fresh = recipe.install(wheel)
            console.print("installed" if fresh else "this wheel was installed already", highlight=False)
    except SetupError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

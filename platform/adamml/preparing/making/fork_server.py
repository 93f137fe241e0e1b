"""A process that forks itself for every call, so that calls are isolated and share its imports.

The forkserver of multiprocessing does this too, but each of its processes first imports the main
module of the process that calls, which in a Ray worker is Ray's.
"""

import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parents[3]
"""Folder that holds the package, for PYTHONPATH."""
LONGEST_WAIT_S = 3600.0
"""Longest wait of one select(), in seconds. poll() takes at most 24 days, and the limit for the
flow of a long video may be more."""


@dataclass(frozen=True, kw_only=True)
class CallResult:
    """End of the process of one call, and its output."""

    pid: int
    """Process id; 0 where a signal ended the server too."""
    code: int | None
    """Exit code, below 0 the signal that ended the process; None where it took too long."""
    output: str
    """Text on standard output."""
    errors: str
    """Text on standard error."""


class ForkServer:
    """Server of calls, one at a time: threads need one each.

    It ends with the process it was made in, and so does the call that it serves.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=os.environ | {"PYTHONPATH": str(SOURCE_ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,  # closes when this process dies, however it dies
            stdout=subprocess.PIPE,
            text=True,
        )
        self._finalize = weakref.finalize(self, _finish, self._process)

    @property
    def running(self) -> bool:
        """Return whether the server takes calls."""
        return self._finalize.alive and self._process.poll() is None

    def call(self, module: str, argument: str, limit_s: float) -> CallResult:
        """Run module.main(argument) in a process of its own.

        Args:
            module: dotted name of an importable module.
            argument: passed to its main().
            limit_s: wall time after which the process is killed.

        Raises:
            RuntimeError: the server gave up, as when there is no such module; it has written why
                to stderr.
        """
        request = json.dumps({"module": module, "argument": argument, "limit_s": limit_s})
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(request, file=stdin, flush=True)
            answer = stdout.readline()
        except BrokenPipeError:
            answer = ""
        except BaseException:  # the next call must not be given this one's answer
            self._finalize()
            raise
        if answer:
            return CallResult(**json.loads(answer))
        self._finalize()
        code = self._process.returncode
        if code >= 0:
            raise RuntimeError(
                f"the fork server ended with {code} when it was to call {module}: see stderr"
            )
        return CallResult(pid=0, code=code, output="", errors="")


def _finish(process: subprocess.Popen[str]) -> None:
    with suppress(BrokenPipeError), process:  # closes its pipes and waits
        pass


def call_in_fork(main: Callable[[str], int], argument: str, limit_s: float) -> CallResult:
    """Run main(argument) in a fork of this process, which must have no other threads.

    Args:
        main: returns the exit code.
        argument: passed to main.
        limit_s: wall time after which the fork is killed.

    Raises:
        EOFError: standard input was closed, because the calling process is gone. The fork was
            killed.
    """
    read_output, write_output = os.pipe()
    read_errors, write_errors = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(write_output, 1)
        os.dup2(write_errors, 2)
        _call_and_exit(main, argument)
    # Without these the read ends would never see the end of what the fork writes.
    os.close(write_output)
    os.close(write_errors)
    contents = {read_output: b"", read_errors: b""}
    # True until it has ended by itself: whatever is raised meanwhile, no fork is left running.
    late = True
    try:
        late = not _collect(contents, time.monotonic() + limit_s)
    finally:
        if late:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(read_output)
        os.close(read_errors)
    output, errors = (contents[end].decode(errors="replace") for end in (read_output, read_errors))
    code = None if late else os.waitstatus_to_exitcode(status)
    return CallResult(pid=pid, code=code, output=output, errors=errors)


def _call_and_exit(main: Callable[[str], int], argument: str) -> None:
    code = 1
    try:
        code = main(argument)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _collect(contents: dict[int, bytes], deadline: float) -> bool:
    """Read pipes to their ends.

    Args:
        contents: file descriptors of the pipes; their contents are put here.
        deadline: time.monotonic() at which to give up.

    Returns:
        Whether both pipes were closed before the deadline.

    Raises:
        EOFError: standard input was closed.
    """
    with selectors.DefaultSelector() as selector:
        for end in (0, *contents):
            selector.register(end, selectors.EVENT_READ)
        while len(selector.get_map()) > 1:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in selector.select(min(left, LONGEST_WAIT_S)):
                if key.fd == 0:  # no request comes before this one's answer: it was closed
                    raise EOFError
                if text := os.read(key.fd, 65536):
                    contents[key.fd] += text
                else:
                    selector.unregister(key.fd)
    return True


def serve() -> None:
    """Answer calls from standard input until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that calls
    for line in sys.stdin:
        request = json.loads(line)
        main = importlib.import_module(request["module"]).main
        try:
            result = call_in_fork(main, request["argument"], request["limit_s"])
        except EOFError:
            return
        print(json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    serve()

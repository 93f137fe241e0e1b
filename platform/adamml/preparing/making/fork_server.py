"""A process that forks itself for every call: each call is alone, and none pays for the imports.

multiprocessing's forkserver does this too, but each of its processes first imports the main module
of whoever asks, which in a Ray worker is Ray's.
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
LONGEST_WAIT_S = 3600.0
"""At a time: poll() takes 24 days at most, and the flow of an hour may be allowed more."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of one call's process."""

    pid: int
    code: int | None
    """Its exit code, below 0 the signal that ended it; None where it took too long."""
    output: str
    errors: str


class ForkServer:
    """One call at a time: not for several threads. Its processes end with whoever started it."""

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
        return self._finalize.alive and self._process.poll() is None

    def call(self, module: str, argument: str, limit_s: float) -> Ended:
        """Run module.main(argument) in a process of its own.

        Args:
            limit_s: wall time after which it is killed.

        Returns:
            What became of it; without its pid where a signal ended the server too.

        Raises:
            RuntimeError: the server gave up, as when there is no such module; it has written why
                to stderr.
        """
        asked = json.dumps({"module": module, "argument": argument, "limit_s": limit_s})
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(asked, file=stdin, flush=True)
            answer = stdout.readline()
        except BrokenPipeError:
            answer = ""
        except BaseException:  # the next call must not be given this one's answer
            self._finalize()
            raise
        if answer:
            return Ended(**json.loads(answer))
        self._finalize()
        code = self._process.returncode
        if code >= 0:
            raise RuntimeError(f"the fork server that was asked for {module} ended ({code})")
        return Ended(pid=0, code=code, output="", errors="")


def _finish(process: subprocess.Popen[str]) -> None:
    with suppress(BrokenPipeError), process:  # closes its pipes and waits
        pass


def forked(main: Callable[[str], int], argument: str, limit_s: float) -> Ended:
    """Run main(argument) in a fork of this process, which must have no other threads.

    Raises:
        EOFError: whoever asked is gone, and so is the fork.
    """
    read_output, write_output = os.pipe()
    read_errors, write_errors = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(write_output, 1)
        os.dup2(write_errors, 2)
        _call_and_exit(main, argument)
    os.close(write_output)
    os.close(write_errors)
    heard = {read_output: b"", read_errors: b""}
    late = True
    try:
        late = not _listen(heard, time.monotonic() + limit_s)
    finally:
        if late:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(read_output)
        os.close(read_errors)
    output, errors = (heard[end].decode(errors="replace") for end in (read_output, read_errors))
    code = None if late else os.waitstatus_to_exitcode(status)
    return Ended(pid=pid, code=code, output=output, errors=errors)


def _call_and_exit(main: Callable[[str], int], argument: str) -> None:
    code = 1
    try:
        code = main(argument)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _listen(heard: dict[int, bytes], deadline: float) -> bool:
    """Until both pipes are closed (True) or the deadline has passed (False)."""
    with selectors.DefaultSelector() as selector:
        for end in (0, *heard):
            selector.register(end, selectors.EVENT_READ)
        while len(selector.get_map()) > 1:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in selector.select(min(left, LONGEST_WAIT_S)):
                if key.fd == 0:  # nothing is asked before the answer: it is closed
                    raise EOFError
                if text := os.read(key.fd, 65536):
                    heard[key.fd] += text
                else:
                    selector.unregister(key.fd)
    return True


def serve() -> None:
    """Answer calls from stdin until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    for line in sys.stdin:
        asked = json.loads(line)
        main = importlib.import_module(asked["module"]).main
        try:
            ended = forked(main, asked["argument"], asked["limit_s"])
        except EOFError:
            return
        print(json.dumps(asdict(ended)), flush=True)


if __name__ == "__main__":
    serve()

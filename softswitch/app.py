"""The process around a node: event loop, signals, readiness, exit status."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

from softswitch.node import Node, StartError
from softswitch.service import notify

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.provision import Provision

log = logging.getLogger(__name__)

CANNOT_START = 2
"""Exit status when the node could not start."""
PRIVATE = 0o027
"""Call records and stories are nobody else's business, whatever the shell allowed."""


def run(provision: Provision) -> int:
    """Run a node until SIGTERM or SIGINT; the exit status. A second signal ends running calls at once.

    SIGHUP: certificates and keys are read anew.
    """
    os.umask(PRIVATE)
    _use_all_descriptors()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(provision))


async def _serve(provision: Provision) -> int:
    try:
        node = await Node.start(provision)
    except StartError as error:
        sys.stderr.write(f"softswitch cannot start: {error}\n")
        return CANNOT_START
    signals: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.put_nowait, number)
    loop.add_signal_handler(signal.SIGHUP, node.reload_certificates)
    _settle_memory()
    heard = ", ".join(f"{each.transport} {each.address}:{each.port}" for each in node.driver.listening())
    admin, pages = (each.url if each is not None else "off" for each in (node.admin, node.web))
    log.info("ready: SIP on %s; admin %s; web %s", heard, admin, pages)
    notify("READY=1")
    await signals.get()
    notify("STOPPING=1")
    drain = loop.create_task(node.drain(), name="drain")
    impatient = loop.create_task(signals.get(), name="second signal")
    await asyncio.wait({drain, impatient}, return_when=asyncio.FIRST_COMPLETED)
    for task in (drain, impatient):
        task.cancel()
    await asyncio.gather(drain, impatient, return_exceptions=True)
    await node.stop()
    return 0


def _use_all_descriptors() -> None:
    """Shells and systemd grant 1,024 descriptors at first, enough for 250 calls; the hard limit is ours to use."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _settle_memory() -> None:
    """What lives now lives as long as the process: the collector need not look at it again.

    Calls come and go in reference cycles of some hundred objects, so a larger young generation costs little memory
    and saves most passes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None  # asyncio's own loop: twice the cost of a datagram, nothing else changes
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory

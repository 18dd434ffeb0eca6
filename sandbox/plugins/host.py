"""Speaks the plugin protocol for every stand-in: a gRPC server on a free loopback port, printed on standard output.

It is the SDK's experimental servicer plus the two things that it lacks: old inputs in Diff, and errors that are one
sentence for a person instead of a Python exception.
"""

import argparse
import asyncio
import inspect
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]  # no stubs are published with it
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.plugins.errors import PluginError

# The engine runs up to this many resources at once here; each waits for its server in a thread of its own.
THREADS = 32


class _Servicer(ProviderServicer):
    async def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802 - the protocol's name
        """Hand the old inputs on as the old state: the SDK drops them, and a stand-in compares inputs with inputs."""
        request.olds.CopyFrom(request.old_inputs)
        response: provider_pb2.DiffResponse = await super().Diff(request, context)
        return response


class _PlainErrors(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Ends a failed call with the text of its PluginError; of any other exception it tells the kind, never the text."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        handler = await continuation(details)
        if handler is None or not inspect.iscoroutinefunction(handler.unary_unary):
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _with_plain_errors(handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )


def _with_plain_errors(verb: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answer(request: Any, context: Any) -> Any:
        try:
            return await verb(request, context)
        except PluginError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # noqa: BLE001 - its text may hold a value: tell where it happened, not what it says
            traceback.print_tb(error.__traceback__)
            await context.abort(grpc.StatusCode.INTERNAL, f"a fault of the stand-in plugin: {type(error).__name__}")

    return answer


async def serve(provider: Provider, version: str, engine_address: str) -> None:
    """Print the port and answer until the engine interrupts or terminates the process."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS, interceptors=[_PlainErrors()])
    servicer = _Servicer([], version, provider, engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await ended.wait()
    await provider.cancel()
    await server.stop(grace=None)


def main(provider: Provider, version: str) -> None:
    """Run a plugin as the engine starts it: its address as the first argument, and flags that are ignored."""
    arguments = argparse.ArgumentParser(description=f"stand-in provider plugin {version}")
    arguments.add_argument("engine", nargs="?", default="", help="the engine's address")
    known, _ = arguments.parse_known_args(sys.argv[1:])
    asyncio.run(serve(provider, version, known.engine))

"""No answer waits for a delayed acknowledgement: forty milliseconds each is what that cost."""

import socket

from local_aws.launch import _listen
from local_aws.runtime_api import RuntimeApi, Task


def test_asyncio_recognises_the_listener_as_tcp():
    # It switches Nagle's algorithm off for accepted connections only then.
    with _listen(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_runtime_api_answers_a_poll_at_once():
    api = RuntimeApi()
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as runtime:
        runtime.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert api.outcomes.get(timeout=5).kind == "ready"
        (connection,) = api._connections
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        api.give(Task("id-1", b'{"n":1}', 123, "arn", "Root=1"))
        answer = runtime.recv(4096)
        assert answer.endswith(b'\r\n\r\n{"n":1}') and b"Lambda-Runtime-Trace-Id: Root=1\r\n" in answer
        runtime.sendall(b"POST /2018-06-01/runtime/invocation/other/response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        assert b"400 Bad Request" in runtime.recv(4096)
        runtime.sendall(b"POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
        assert b"202 Accepted" in runtime.recv(4096)
        assert api.outcomes.get(timeout=5).body == b"{}"
        api.close()
        assert runtime.recv(4096) == b""

"""The X-Ray daemon beside each function: takes segments by UDP and passes them on as the function's role.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon: a datagram is a JSON header
line and one segment document. A port for each function tells whose role it is.
"""

import logging
import socket
import threading
from collections import Counter

from ministack.services import lambda_svc

from local_aws.iam import role_allows
from local_aws.options import HOST
from local_aws.xray.store import STORE, BadSegment, parse

logger = logging.getLogger("local_aws.xray")

_lock = threading.Lock()
_addresses: dict[str, str] = {}
counts: dict[str, Counter] = {}
"""What each function's daemon did: segments stored, denied and malformed, telemetry sent and denied."""


def address_for(config: dict) -> str:
    """The daemon of a function, started when first asked for."""
    arn = ":".join(config["FunctionArn"].split(":")[:7])
    with _lock:
        if arn not in _addresses:
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            receiver.bind((HOST, 0))
            _addresses[arn] = f"{HOST}:{receiver.getsockname()[1]}"
            counts[arn.rsplit(":", 1)[-1]] = Counter()
            threading.Thread(target=_receive, args=(arn, receiver), daemon=True, name="xray-daemon").start()
        return _addresses[arn]


def _receive(arn: str, receiver: socket.socket) -> None:
    region, account, name = arn.split(":")[3], arn.split(":")[4], arn.rsplit(":", 1)[-1]
    while True:
        datagram = receiver.recv(1 << 16)
        _, _, text = datagram.partition(b"\n")
        record = lambda_svc._functions.get_scoped(account, region, name)
        role = record["config"].get("Role", "") if record else ""
        tally = counts[name]
        tally["telemetry_sent" if role and role_allows(role, "xray:PutTelemetryRecords", "*") else "telemetry_denied"] += 1
        if not role or not role_allows(role, "xray:PutTraceSegments", "*"):
            tally["segments_denied"] += 1
            logger.warning("X-Ray segment of %s dropped: its role may not xray:PutTraceSegments", name)
            continue
        try:
            STORE.put(parse(text.decode("utf-8", "replace")))
            tally["segments_stored"] += 1
        except BadSegment as error:
            tally["segments_malformed"] += 1
            logger.warning("X-Ray segment of %s refused: %s", name, error)

"""Looking inside, below /_local_aws/: for tests, and for opsctl's doctor. Not part of AWS."""

import asyncio
import json

from ministack import app

from local_aws import MINISTACK_VERSION, mailbox, processes
from local_aws.fixes import alarm_evaluation, async_invocation
from local_aws.options import Options
from local_aws.patching import replace
from local_aws.state import Saver
from local_aws.xray import daemon
from local_aws.xray.store import STORE

PREFIX = "/_local_aws/"


def install(options: Options, fixes: list[str], saver: Saver) -> None:
    def status() -> dict:
        return {
            "ministack": MINISTACK_VERSION, "fixes": fixes, "retry_delays": options.retry_delays,
            "alarm_interval": options.alarm_interval, "async": async_invocation.queue.status(),
            "processes": processes.alive(), "last_saved": saver.last_saved,
            "xray": {"traces": STORE.count(), "functions": {name: dict(tally) for name, tally in daemon.counts.items()}},
        }

    answers = {
        ("GET", "status"): status,
        ("GET", "mail"): lambda: list(mailbox.MAILS),
        ("POST", "alarms/evaluate"): lambda: alarm_evaluation.evaluate_all() or {},
        ("POST", "state/save"): lambda: saver.save() or {},
    }
    upstream = app._handle_pre_body_request

    async def handle(method: str, path: str, headers: dict, query_params: dict, request_id: str):
        if not path.startswith(PREFIX):
            return await upstream(method, path, headers, query_params, request_id)
        answer = answers.get((method, path.removeprefix(PREFIX)))
        content = {"Content-Type": "application/json"}
        if answer is None:
            return 404, content, b'{"message":"no such page"}'
        return 200, content, json.dumps(await asyncio.to_thread(answer)).encode()

    replace(app, "_handle_pre_body_request", handle)

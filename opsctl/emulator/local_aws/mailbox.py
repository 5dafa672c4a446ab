"""Mails that would have been sent, newest last; seen at /_local_aws/mail."""

import time
from collections import deque

MAILS: deque[dict] = deque(maxlen=500)


def post(to: str, subject: str, body: str, **more: str) -> None:
    MAILS.append({"to": to, "subject": subject, "body": body, "at": time.time(), **more})

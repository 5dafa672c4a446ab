"""Putting a message into a queue from inside, as the AWS services do."""

import hashlib
import time
import uuid

from ministack.core.concurrency import esm_wake
from ministack.services import sqs

from local_aws import metrics
from local_aws.scope import scope_of_arn


def text(value: object) -> dict:
    """A String message attribute."""
    return {"DataType": "String", "StringValue": str(value)}


def number(value: object) -> dict:
    """A Number message attribute."""
    return {"DataType": "Number", "StringValue": str(value)}


def to_queue(queue_arn: str, body: str, attributes: dict[str, dict]) -> bool:
    """Send to a standard queue; False when there is none of that name."""
    with scope_of_arn(queue_arn):
        queue = sqs._queue_by_arn(queue_arn)
        if queue is None:
            return False
        now = time.time()
        message = {
            "id": str(uuid.uuid4()), "body": body, "md5_body": hashlib.md5(body.encode()).hexdigest(),
            "md5_attrs": sqs._md5_msg_attrs(attributes), "receipt_handle": None, "sent_at": now,
            "visible_at": now + sqs.queue_delay(queue), "receive_count": 0, "first_receive_at": None,
            "message_attributes": attributes, "group_id": None, "dedup_id": None, "dedup_cache_key": None, "seq": None,
            "sys": {"SenderId": queue_arn.split(":")[4], "SentTimestamp": str(int(now * 1000))},
        }
        queue["messages"].append(message)
        metrics.record("AWS/SQS", "NumberOfMessagesSent", 1, QueueName=queue_arn.rsplit(":", 1)[-1])
    esm_wake.set()
    return True

"""MiniStack 1.5.33 has no metrics of SQS, DynamoDB and SNS.

AWS publishes them for every queue, table and topic:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html (an index has dimensions of its
own; a write whose condition fails is consumed all the same),
https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html. Queue gauges are sampled before each
round of alarms.
"""

import time

from ministack.services import dynamodb, sns, sqs

from local_aws import metrics
from local_aws.fixes import alarm_evaluation
from local_aws.options import Options
from local_aws.patching import replace
from local_aws.scope import scope


def install(_options: Options) -> None:
    alarm_evaluation.before_evaluation.append(sample_queues)
    _count_queue_calls()
    _count_capacity()
    _count_publishes()


def sample_queues() -> None:
    for (account, region, url), queue in list(sqs._queues.all_items()):
        with scope(account, region):
            name = url.rsplit("/", 1)[-1]
            sqs._refresh_counts(queue)
            now = time.time()
            sent = [message["sent_at"] for message in list(queue["messages"])]
            metrics.record("AWS/SQS", "ApproximateAgeOfOldestMessage", now - min(sent) if sent else 0, "Seconds", QueueName=name)
            for metric, attribute in (("Visible", ""), ("NotVisible", "NotVisible"), ("Delayed", "Delayed")):
                value = float(queue["attributes"][f"ApproximateNumberOfMessages{attribute}"])
                metrics.record("AWS/SQS", f"ApproximateNumberOfMessages{metric}", value, QueueName=name)


def _count_queue_calls() -> None:
    dispatch = sqs._dispatch

    async def counted(action: str, data: dict, url: str) -> dict:
        result = await dispatch(action, data, url)
        name = str(data.get("QueueUrl") or url).rsplit("/", 1)[-1]
        if action in ("SendMessage", "SendMessageBatch"):
            count = 1 if action == "SendMessage" else len(result.get("Successful", ()))
            metrics.record("AWS/SQS", "NumberOfMessagesSent", count, QueueName=name)
        elif action in ("DeleteMessage", "DeleteMessageBatch"):
            count = 1 if action == "DeleteMessage" else len(result.get("Successful", ()))
            metrics.record("AWS/SQS", "NumberOfMessagesDeleted", count, QueueName=name)
        elif action == "ReceiveMessage":
            received = len(result.get("Messages", ()))
            metrics.record("AWS/SQS", "NumberOfMessagesReceived", received, QueueName=name)
            metrics.record("AWS/SQS", "NumberOfEmptyReceives", int(not received), QueueName=name)
        return result

    replace(sqs, "_dispatch", counted)


def _count_capacity() -> None:
    upstream = dynamodb._add_consumed_capacity
    failed = dynamodb._conditional_check_failed

    def counted(result, data, table_name, write=False, old_item=None, new_item=None, index_name=None):
        if write:
            scratch: dict = {}
            upstream(scratch, {"ReturnConsumedCapacity": "INDEXES"}, table_name, True, old_item, new_item)
            consumed = scratch["ConsumedCapacity"]
            _write(table_name, consumed["Table"]["CapacityUnits"])
            for index, units in consumed.get("GlobalSecondaryIndexes", {}).items():
                _write(table_name, units["CapacityUnits"], GlobalSecondaryIndexName=index)
        else:
            _read(result, data, table_name, index_name)
        return upstream(result, data, table_name, write, old_item, new_item, index_name)

    def counted_failure(data, old_item, *rest):
        size = max(dynamodb._item_size_bytes(item) if item else 0 for item in (old_item, data.get("Item")))
        _write(_table(data), dynamodb._capacity_kb(size))
        return failed(data, old_item, *rest)

    replace(dynamodb, "_add_consumed_capacity", counted)
    replace(dynamodb, "_conditional_check_failed", counted_failure)


def _table(data: dict) -> str:
    return str(data.get("TableName", "")).rsplit("/", 1)[-1]


def _write(table: str, units: float, **index: str) -> None:
    metrics.record("AWS/DynamoDB", "ConsumedWriteCapacityUnits", units, TableName=table, **index)


def _read(result: dict, data: dict, table: str, index: str | None) -> None:
    """Reads cost a unit for each 4 KB begun, half as much when they need not be consistent."""
    items = result.get("Items") or [result.get("Item")]
    size = sum(dynamodb._item_size_bytes(item) for item in items if item)
    units = max(1, -(-size // 4096)) * (1.0 if data.get("ConsistentRead") else 0.5)
    dimensions = {"GlobalSecondaryIndexName": index} if index else {}
    metrics.record("AWS/DynamoDB", "ConsumedReadCapacityUnits", units, TableName=table, **dimensions)


def _count_publishes() -> None:
    fanout = sns._fanout

    def counted(topic_arn, message_id, message, *rest, **options):
        topic = topic_arn.rsplit(":", 1)[-1]
        metrics.record("AWS/SNS", "NumberOfMessagesPublished", 1, TopicName=topic)
        metrics.record("AWS/SNS", "PublishSize", len(message.encode()), "Bytes", TopicName=topic)
        return fanout(topic_arn, message_id, message, *rest, **options)

    replace(sns, "_fanout", counted)

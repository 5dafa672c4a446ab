"""SNS and SQS: pending mail, filters, attributes, metrics."""

import json
import urllib.request

from tests.cloud import unique, until


def mails(cloud, to):
    with urllib.request.urlopen(cloud.endpoint + "/_local_aws/mail") as answer:
        return [mail for mail in json.load(answer) if mail["to"] == to]


def test_mail_stays_pending_until_its_token_comes_back(cloud):
    topic, address = cloud.sns.create_topic(Name=unique("topic"))["TopicArn"], f"{unique('ops')}@example.com"
    answer = cloud.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    assert answer["SubscriptionArn"] == "pending confirmation"
    (listed,) = cloud.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    attributes = cloud.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["SubscriptionsPending"], attributes["SubscriptionsConfirmed"]) == ("1", "0")
    cloud.sns.publish(TopicArn=topic, Message="unheard", Subject="s")
    (confirmation,) = mails(cloud, address)
    arn = cloud.sns.confirm_subscription(TopicArn=topic, Token=confirmation["token"])["SubscriptionArn"]
    cloud.sns.publish(TopicArn=topic, Message="heard", Subject="s")
    assert [mail["body"] for mail in mails(cloud, address)][1:] == ["heard"]
    assert cloud.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"


def test_pending_subscription_has_an_arn_for_terraform_and_can_be_removed(cloud):
    topic = cloud.sns.create_topic(Name=unique("topic"))["TopicArn"]
    arn = cloud.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com", ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert arn.startswith(topic + ":")
    assert cloud.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    cloud.sns.unsubscribe(SubscriptionArn=arn)
    assert cloud.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_filter_policy_on_attributes_decides_what_a_queue_gets(cloud):
    topic = cloud.sns.create_topic(Name=unique("topic"))["TopicArn"]
    url, queue = cloud.queue(policy_for="sns.amazonaws.com")
    cloud.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={
        "FilterPolicy": json.dumps({"severity": ["critical"]}), "RawMessageDelivery": "true"})
    for severity in ("info", "critical"):
        cloud.sns.publish(TopicArn=topic, Message=severity,
                          MessageAttributes={"severity": {"DataType": "String", "StringValue": severity}})
    (message,) = cloud.messages(url)
    assert message["Body"] == "critical"
    assert message["MessageAttributes"]["severity"]["StringValue"] == "critical"
    assert cloud.metric("AWS/SNS", "NumberOfMessagesPublished", TopicName=topic.rsplit(":", 1)[-1]) == 2


def test_queue_gauges_and_counters(cloud):
    url, queue = cloud.queue()
    name = queue.rsplit(":", 1)[-1]
    for body in ("one", "two"):
        cloud.sqs.send_message(QueueUrl=url, MessageBody=body)
    until(lambda: cloud.metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=name) == 2, seconds=5)
    until(lambda: (cloud.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName=name) or 0) > 0.5, seconds=5)
    for message in cloud.messages(url):
        cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    for metric in ("Sent", "Received", "Deleted"):
        assert cloud.metric("AWS/SQS", f"NumberOfMessages{metric}", QueueName=name) == 2

"""Alarms and metric queries, in every wire format."""

import http.client
import json
import time
import urllib.parse

import cbor2
import pytest

from tests.cloud import arn, unique, until


def metric_alarm(cloud, namespace, **changes):
    name = unique("alarm")
    settings = {
        "AlarmName": name, "Namespace": namespace, "MetricName": "M", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{"Name": "D", "Value": "right"}], **changes}
    cloud.cloudwatch.put_metric_alarm(**{key: value for key, value in settings.items() if value is not None})
    return name


def put(cloud, namespace, value, *, dimension="right", ago=0.0, name="M"):
    cloud.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[
        {"MetricName": name, "Value": value, "Timestamp": time.time() - ago,
         "Dimensions": [{"Name": "D", "Value": dimension}]}])


def described(cloud, name):
    (alarm,) = cloud.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm


def state(cloud, name):
    return described(cloud, name)["StateValue"]


def evaluate(cloud):
    connection = http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"))
    connection.request("POST", "/_local_aws/alarms/evaluate")
    assert connection.getresponse().status == 200


def test_alarm_is_evaluated_without_being_asked_on_its_exact_dimensions(cloud):
    namespace = unique("ns")
    name = metric_alarm(cloud, namespace)
    put(cloud, namespace, 5, dimension="wrong")
    evaluate(cloud)
    assert state(cloud, name) == "INSUFFICIENT_DATA"
    put(cloud, namespace, 5)
    until(lambda: state(cloud, name) == "ALARM", seconds=5)
    reason = described(cloud, name)
    assert "[5.0 (" in reason["StateReason"] and json.loads(reason["StateReasonData"])["recentDatapoints"] == [5.0]


@pytest.mark.parametrize("treatment, expected", [
    ("breaching", "ALARM"), ("notBreaching", "OK"), ("missing", "INSUFFICIENT_DATA"), ("ignore", "INSUFFICIENT_DATA")])
def test_missing_data(cloud, treatment, expected):
    name = metric_alarm(cloud, unique("ns"), TreatMissingData=treatment)
    evaluate(cloud)
    assert state(cloud, name) == expected


@pytest.mark.parametrize("treatment, expected", [("ignore", "ALARM"), ("missing", "INSUFFICIENT_DATA"), ("notBreaching", "OK")])
def test_missing_data_after_an_alarm(cloud, treatment, expected):
    name = metric_alarm(cloud, unique("ns"), TreatMissingData=treatment)
    cloud.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    evaluate(cloud)
    assert state(cloud, name) == expected


def test_dynamodb_alarms_ignore_missing_data_whatever_they_say(cloud):
    name = metric_alarm(cloud, "AWS/DynamoDB", TreatMissingData="breaching")
    evaluate(cloud)
    assert state(cloud, name) == "INSUFFICIENT_DATA"


@pytest.mark.parametrize("breaching_minutes, expected", [((1, 3), "ALARM"), ((2,), "OK")])
def test_two_of_three_datapoints(cloud, breaching_minutes, expected):
    namespace = unique("ns")
    for minutes in (1, 2, 3):
        put(cloud, namespace, int(minutes in breaching_minutes), ago=60 * minutes)
    name = metric_alarm(cloud, namespace, EvaluationPeriods=3, DatapointsToAlarm=2)
    evaluate(cloud)
    assert state(cloud, name) == expected


def test_percentiles_and_downward_thresholds_wait_for_a_complete_period(cloud):
    namespace = unique("ns")
    low = metric_alarm(cloud, namespace, Statistic=None, ExtendedStatistic="p90", Threshold=50,
                       ComparisonOperator="LessThanThreshold")
    put(cloud, namespace, 10)
    evaluate(cloud)
    assert state(cloud, low) == "INSUFFICIENT_DATA"
    for value in range(1, 11):
        put(cloud, namespace, value, ago=60)
    evaluate(cloud)
    assert state(cloud, low) == "ALARM"


def test_metric_math_alarm(cloud):
    namespace = unique("ns")

    def query(name):
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": "D", "Value": "right"}]}
        return {"Id": name, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}

    metrics = [{"Id": "rate", "Expression": "100*e/i", "Label": "error rate", "ReturnData": True}, query("e"), query("i")]
    name = metric_alarm(cloud, None, MetricName=None, Statistic=None, Period=None, Dimensions=[], Threshold=5, Metrics=metrics)
    kept = described(cloud, name)
    assert [each["Id"] for each in kept["Metrics"]] == ["rate", "e", "i"] and "MetricName" not in kept
    put(cloud, namespace, 1, name="e")
    put(cloud, namespace, 100, name="i")
    evaluate(cloud)
    assert state(cloud, name) == "OK"
    put(cloud, namespace, 9, name="e")
    evaluate(cloud)
    assert state(cloud, name) == "ALARM"


@pytest.fixture
def listener(cloud):
    """A topic and the queue that hears it."""
    topic = cloud.sns.create_topic(Name=unique("topic"))["TopicArn"]
    url, queue = cloud.queue(policy_for="sns.amazonaws.com")
    cloud.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    return topic, url


def heard(cloud, url):
    return [json.loads(json.loads(message["Body"])["Message"]) for message in cloud.messages(url)]


def test_each_transition_runs_its_actions_and_is_remembered(cloud, listener):
    topic, url = listener
    namespace = unique("ns")
    actions = {"AlarmActions": [topic], "OKActions": [topic], "InsufficientDataActions": [topic]}
    name = metric_alarm(cloud, namespace, TreatMissingData="notBreaching", **actions)
    assert described(cloud, name)["InsufficientDataActions"] == [topic]
    evaluate(cloud)
    put(cloud, namespace, 1)
    evaluate(cloud)
    transitions = [(each["OldStateValue"], each["NewStateValue"]) for each in heard(cloud, url)]
    assert transitions == [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM")]
    history = cloud.cloudwatch.describe_alarm_history(AlarmName=name, ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [each["HistoryItemType"] for each in history] == ["ConfigurationUpdate", "StateUpdate", "Action", "StateUpdate", "Action"]
    assert json.loads(history[3]["HistoryData"])["newState"]["stateValue"] == "ALARM"


def test_disabled_actions_are_not_run(cloud, listener):
    topic, url = listener
    name = metric_alarm(cloud, unique("ns"), TreatMissingData="breaching", AlarmActions=[topic], ActionsEnabled=False)
    evaluate(cloud)
    assert state(cloud, name) == "ALARM" and heard(cloud, url) == []


@pytest.mark.parametrize("attribute, value", [
    ("KmsMasterKeyId", "alias/aws/sns"), ("Policy", json.dumps({"Version": "2012-10-17", "Statement": []}))])
def test_topic_that_cloudwatch_may_not_use_hears_nothing(cloud, listener, attribute, value):
    topic, url = listener
    cloud.sns.set_topic_attributes(TopicArn=topic, AttributeName=attribute, AttributeValue=value)
    name = metric_alarm(cloud, unique("ns"), TreatMissingData="breaching", AlarmActions=[topic])
    evaluate(cloud)
    assert heard(cloud, url) == []
    (action,) = cloud.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
    assert action["HistorySummary"].startswith("Failed to execute action")


def test_updating_an_alarm_keeps_its_state(cloud):
    name = metric_alarm(cloud, "ns", TreatMissingData="breaching")
    evaluate(cloud)
    cloud.cloudwatch.put_metric_alarm(AlarmName=name, Namespace="ns", MetricName="M", Statistic="Sum", Period=60, Threshold=9,
                                      EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold")
    alarm = described(cloud, name)
    assert alarm["StateValue"] == "ALARM" and alarm["Threshold"] == 9 and alarm["Dimensions"] == []


def call(cloud, wire, operation, data):
    """One CloudWatch request by hand; the answer as text or decoded."""
    credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=0"
    headers = {"Authorization": credential}
    if wire == "query":
        body, path = urllib.parse.urlencode({"Action": operation, "Version": "2010-08-01", **data}), "/"
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif wire == "cbor":
        body, path = cbor2.dumps(data), f"/service/GraniteServiceVersion20100801/operation/{operation}"
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    else:
        body, path = json.dumps(data), "/"
        headers |= {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"GraniteServiceVersion20100801.{operation}"}
    connection = http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"))
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    return {"query": bytes.decode, "cbor": cbor2.loads, "json": json.loads}[wire](content)


def test_describe_alarms_is_complete_in_every_format(cloud):
    topic = arn("sns", "t")
    name = metric_alarm(cloud, "ns", AlarmDescription="a <b>", TreatMissingData="notBreaching", DatapointsToAlarm=1,
                        AlarmActions=[topic], OKActions=[topic])
    text = call(cloud, "query", "DescribeAlarms", {"AlarmNames.member.1": name})
    for part in ("<Period>60</Period>", "<Statistic>Sum</Statistic>", "<AlarmDescription>a &lt;b&gt;</AlarmDescription>",
                 "<Dimensions><member><Name>D</Name><Value>right</Value></member></Dimensions>",
                 "<TreatMissingData>notBreaching</TreatMissingData>", "<ActionsEnabled>true</ActionsEnabled>",
                 f"<OKActions><member>{topic}</member></OKActions>", "<DatapointsToAlarm>1</DatapointsToAlarm>"):
        assert part in text, part
    (from_cbor,) = call(cloud, "cbor", "DescribeAlarms", {"AlarmNames": [name]})["MetricAlarms"]
    (from_json,) = call(cloud, "json", "DescribeAlarms", {"AlarmNames": [name]})["MetricAlarms"]
    for alarm in (from_cbor, from_json):
        assert alarm["Dimensions"] == [{"Name": "D", "Value": "right"}] and alarm["OKActions"] == [topic]
        assert "Unit" not in alarm and "ExtendedStatistic" not in alarm
    assert from_cbor["StateUpdatedTimestamp"].year >= 2026 and isinstance(from_json["StateUpdatedTimestamp"], float)


def test_put_metric_alarm_over_the_query_protocol(cloud):
    name = unique("alarm")
    metric = "Metrics.member.2.MetricStat"
    call(cloud, "query", "PutMetricAlarm", {
        "AlarmName": name, "EvaluationPeriods": "2", "Threshold": "5", "ComparisonOperator": "GreaterThanThreshold",
        "ActionsEnabled": "false", "InsufficientDataActions.member.1": "arn:x", "Metrics.member.1.Id": "r",
        "Metrics.member.1.Expression": "m*2", "Metrics.member.2.Id": "m", "Metrics.member.2.ReturnData": "false",
        f"{metric}.Stat": "Sum", f"{metric}.Period": "60", f"{metric}.Metric.Namespace": "ns", f"{metric}.Metric.MetricName": "M",
        f"{metric}.Metric.Dimensions.member.1.Name": "D", f"{metric}.Metric.Dimensions.member.1.Value": "v"})
    alarm = described(cloud, name)
    assert alarm["ActionsEnabled"] is False and alarm["InsufficientDataActions"] == ["arn:x"]
    assert alarm["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "D", "Value": "v"}]


def test_get_metric_data_in_every_format(cloud):
    namespace = unique("ns")
    put(cloud, namespace, 4, ago=60)
    put(cloud, namespace, 6)
    put(cloud, namespace, 100, dimension="wrong")
    now = int(time.time())
    metric = {"Namespace": namespace, "MetricName": "M", "Dimensions": [{"Name": "D", "Value": "right"}]}
    queries = [{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
               {"Id": "twice", "Expression": "m * 2 + IF(m > 5, 1, 0)"}, {"Id": "filled", "Expression": "FILL(m, 0)"}]
    for wire in ("cbor", "json"):
        results = call(cloud, wire, "GetMetricData", {"MetricDataQueries": queries, "StartTime": now - 240, "EndTime": now + 60})
        by_id = {each["Id"]: each for each in results["MetricDataResults"]}
        assert by_id["m"]["Values"] == [6, 4] and by_id["m"]["Label"] == "M"
        assert by_id["twice"]["Values"] == [13, 8]
        assert sum(by_id["filled"]["Values"]) == 10 and len(by_id["filled"]["Values"]) >= 4
    nothing = [{"Id": "m", "MetricStat": {"Metric": {"Namespace": namespace, "MetricName": "M"}, "Period": 60, "Stat": "Sum"}}]
    answer = cloud.cloudwatch.get_metric_data(MetricDataQueries=nothing, StartTime=now - 240, EndTime=now + 60)
    assert answer["MetricDataResults"][0]["Values"] == []


def test_list_metrics_by_dimension(cloud):
    namespace = unique("ns")
    put(cloud, namespace, 1)
    put(cloud, namespace, 1, dimension="wrong")
    text = call(cloud, "query", "ListMetrics", {"Namespace": namespace, "Dimensions.member.1.Name": "D", "Dimensions.member.1.Value": "right"})
    assert "right" in text and "wrong" not in text

"""Starting, stopping, being killed, starting again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cloud import arn, unique, until
from tests.conftest import ROOT

SLEEP = "import time\ndef handle(event, context):\n    print('begun', event['n'])\n    time.sleep(event.get('s', 0))\n    print('done', event['n'])\n"


def run(*arguments, path=str(ROOT)):
    return subprocess.run([sys.executable, "-m", "local_aws", *arguments], env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
                          capture_output=True, text=True, timeout=30)


def status(emulator):
    with urllib.request.urlopen(emulator.cloud.endpoint + "/_local_aws/status") as answer:
        return json.load(answer)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_taken_port_is_refused_in_one_line(emulator, tmp_path):
    result = run("--port", str(emulator.port), "--state-dir", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and f"127.0.0.1:{emulator.port}" in result.stderr


def test_state_directory_in_use_is_refused(emulator):
    result = run("--port", "1", "--state-dir", str(emulator.state_dir))
    assert result.returncode == 1 and "already uses" in result.stderr


def test_another_version_of_ministack_is_refused(tmp_path):
    information = tmp_path / "ministack-1.6.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 1.6.0\n")
    result = run("--port", "1", "--state-dir", str(tmp_path / "s"), path=f"{tmp_path}:{ROOT}")
    assert result.returncode == 1 and "needs ministack 1.5.33 exactly, found 1.6.0" in result.stderr


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")
def test_nothing_listens_beyond_the_loopback(emulator, cloud):
    cloud.invoke(cloud.function("def handle(event, context):\n    pass\n"))
    sockets = {match.group(1) for descriptor in Path(f"/proc/{emulator.process.pid}/fd").iterdir()
               if (match := re.match(r"socket:\[(\d+)\]", _target(descriptor)))}
    seen = 0
    for table, listening in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in sockets and fields[3] == listening:
                seen += 1
                assert fields[1].startswith("0100007F:"), line
    assert seen >= 3


def _target(descriptor):
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_functions_end_with_the_emulator(start, how):
    emulator = start()
    function = emulator.cloud.function(SLEEP, Timeout=60)
    emulator.cloud.invoke_async(function, {"n": 1, "s": 60})
    (pid,) = until(lambda: status(emulator)["processes"])
    assert emulator.stop(how) == (0 if how == signal.SIGTERM else -signal.SIGKILL)
    until(lambda: not is_alive(pid), seconds=3)


def test_waiting_events_survive_a_restart_and_being_cut_short_is_no_attempt(start):
    emulator = start()
    function = emulator.cloud.function(SLEEP, reserved=1, retries=0, Timeout=60)
    for n in range(4):
        emulator.cloud.invoke_async(function, {"n": n, "s": 0.7})
    until(lambda: "begun 0" in emulator.cloud.logs(function) or status(emulator)["async"])
    emulator.stop()
    again = start(emulator.state_dir)
    done = until(lambda: len(lines := {x for x in again.cloud.logs(function) if x.startswith("done")}) == 4 and lines)
    assert done == {f"done {n}" for n in range(4)}


@pytest.mark.parametrize("how, pause", [(signal.SIGTERM, 0), (signal.SIGKILL, 4)])
def test_resources_survive(start, how, pause):
    emulator = start()
    cloud = emulator.cloud
    role = cloud.role(("sqs:SendMessage", "*"))
    function = cloud.function("def handle(event, context):\n    return 'here'\n", role=role, reserved=3, name=unique("kept"))
    bus = cloud.bus()
    rule = cloud.rule(bus, function, {"source": ["test"]})
    url, _ = cloud.queue(policy_for="events.amazonaws.com")
    topic = cloud.sns.create_topic(Name="kept")["TopicArn"]
    cloud.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    cloud.ssm.put_parameter(Name="/kept", Type="String", Value="v")
    cloud.dynamodb.create_table(TableName="kept", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    cloud.cloudwatch.put_metric_alarm(AlarmName="kept", Namespace="n", MetricName="m", Statistic="Sum", Period=60, Threshold=0,
                                      EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold")
    cloud.client("logs").create_log_group(logGroupName="/kept")
    cloud.events.create_archive(ArchiveName="kept", EventSourceArn=arn("events", f"event-bus/{bus}"))
    time.sleep(pause)
    emulator.stop(how)
    cloud = start(emulator.state_dir, port=emulator.port).cloud
    assert cloud.invoke(function) == "here"
    assert cloud.functions.get_function_concurrency(FunctionName=function)["ReservedConcurrentExecutions"] == 3
    assert cloud.events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    assert cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert cloud.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    assert cloud.ssm.get_parameters(Names=["/kept"])["Parameters"]
    assert cloud.dynamodb.describe_table(TableName="kept")["Table"]["TableStatus"] == "ACTIVE"
    assert cloud.cloudwatch.describe_alarms(AlarmNames=["kept"])["MetricAlarms"]
    assert cloud.client("logs").describe_log_groups(logGroupNamePrefix="/kept")["logGroups"]
    assert cloud.events.describe_archive(ArchiveName="kept")["State"] == "ENABLED"
    assert cloud.iam.get_role_policy(RoleName=role.rsplit("/", 1)[-1], PolicyName="inline")


def test_data_survives_a_requested_stop(start):
    emulator = start()
    url, _ = emulator.cloud.queue()
    emulator.cloud.sqs.send_message(QueueUrl=url, MessageBody="kept")
    emulator.stop()
    (message,) = start(emulator.state_dir, port=emulator.port).cloud.messages(url)
    assert message["Body"] == "kept"

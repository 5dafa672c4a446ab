"""Archive and replay."""

import json
import time

import pytest

from tests.cloud import arn, unique, until

ECHO = "def handle(event, context):\n    print('got', context['raw'])\n    print('trace', context.get('Lambda-Runtime-Trace-Id'))\n"


@pytest.fixture
def archived(cloud):
    """A bus with an archive of two events, and two functions listening."""
    bus, name = cloud.bus(), unique("archive")
    cloud.events.create_archive(ArchiveName=name, EventSourceArn=arn("events", f"event-bus/{bus}"), RetentionDays=90,
                                EventPattern=json.dumps({"source": ["test"]}))
    functions = [cloud.function(ECHO) for _ in range(2)]
    rules = [cloud.rule(bus, function, {"source": ["test"]}) for function in functions]
    for n in range(2):
        cloud.send(bus, {"n": n}, TraceHeader="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
    cloud.send(bus, {"n": 9}, Source="other")
    for function in functions:
        until(lambda: len(got(cloud, function)) == 2)
    return bus, name, functions, rules


def got(cloud, function):
    return [json.loads(line[4:]) for line in cloud.logs(function) if line.startswith("got ")]


def replay(cloud, bus, archive, **destination):
    name, now = unique("replay"), time.time()
    cloud.events.start_replay(ReplayName=name, EventSourceArn=arn("events", f"archive/{archive}"), EventStartTime=now - 600,
                              EventEndTime=now + 60, Destination={"Arn": arn("events", f"event-bus/{bus}"), **destination})
    return name


def test_archive_counts_what_matches_its_pattern(cloud, archived):
    _, name, _, _ = archived
    described = cloud.events.describe_archive(ArchiveName=name)
    assert described["EventCount"] == 2 and described["SizeBytes"] > 200
    (listed,) = cloud.events.list_archives(NamePrefix=name)["Archives"]
    assert listed["EventCount"] == 2


def test_replay_reaches_the_chosen_rules_with_its_name_and_without_trace(cloud, archived):
    bus, archive, functions, rules = archived
    name = replay(cloud, bus, archive, FilterArns=[arn("events", f"rule/{bus}/{rules[0]}")])
    state = until(lambda: (r := cloud.events.describe_replay(ReplayName=name))["State"] == "COMPLETED" and r)
    assert state["EventLastReplayedTime"]
    until(lambda: len(got(cloud, functions[0])) == 4)
    again = [event for event in got(cloud, functions[0]) if "replay-name" in event]
    assert [event["replay-name"] for event in again] == [name, name]
    assert sorted(event["id"] for event in again) == sorted(e["id"] for e in got(cloud, functions[0]) if "replay-name" not in e)
    assert len(got(cloud, functions[1])) == 2
    traces = [line for line in cloud.logs(functions[0]) if line.startswith("trace")]
    assert sum("5759e988" in line for line in traces) == 2
    assert cloud.events.describe_archive(ArchiveName=archive)["EventCount"] == 2


def test_cancelled_replay_stays_cancelled(cloud):
    bus, archive = cloud.bus(), unique("archive")
    cloud.events.create_archive(ArchiveName=archive, EventSourceArn=arn("events", f"event-bus/{bus}"))
    entry = {"EventBusName": bus, "Source": "test", "DetailType": "T", "Detail": "{}"}
    for _ in range(150):
        cloud.events.put_events(Entries=[entry] * 10)
    name = replay(cloud, bus, archive)
    assert cloud.events.cancel_replay(ReplayName=name)["State"] == "CANCELLING"
    until(lambda: cloud.events.describe_replay(ReplayName=name)["State"] == "CANCELLED")
    time.sleep(0.3)
    assert cloud.events.describe_replay(ReplayName=name)["State"] == "CANCELLED"


def test_a_replay_takes_its_time_and_ends_where_it_was_cancelled(cloud):
    bus, archive, function = cloud.bus(), unique("archive"), cloud.function(ECHO)
    cloud.rule(bus, function, {"source": ["test"]})
    cloud.events.create_archive(ArchiveName=archive, EventSourceArn=arn("events", f"event-bus/{bus}"))
    # Events that no rule takes make the replay long, and the last one shows whether it went on to its end.
    filler = {"EventBusName": bus, "Source": "filler", "DetailType": "T", "Detail": "{}"}
    for _ in range(20):
        cloud.events.put_events(Entries=[filler] * 10)
    name = replay(cloud, bus, archive)
    ended = until(lambda: (r := cloud.events.describe_replay(ReplayName=name))["State"] == "COMPLETED" and r)
    assert (ended["ReplayEndTime"] - ended["ReplayStartTime"]).total_seconds() >= 1.9, "200 events at 100 a second"

    time.sleep(1.1)
    cloud.send(bus, {"n": 1})
    until(lambda: len(got(cloud, function)) == 1)
    name = replay(cloud, bus, archive)
    until(lambda: cloud.events.describe_replay(ReplayName=name).get("EventLastReplayedTime"))
    cloud.events.cancel_replay(ReplayName=name)
    until(lambda: cloud.events.describe_replay(ReplayName=name)["State"] == "CANCELLED")
    time.sleep(0.5)
    assert len(got(cloud, function)) == 1, "what came after the cancel was not replayed"
    with pytest.raises(cloud.events.exceptions.IllegalStatusException):
        cloud.events.cancel_replay(ReplayName=name)


def test_replay_names_are_unique(cloud, archived):
    bus, archive, _, _ = archived
    name = replay(cloud, bus, archive)
    with pytest.raises(cloud.events.exceptions.ResourceAlreadyExistsException):
        cloud.events.start_replay(
            ReplayName=name, EventSourceArn=arn("events", f"archive/{archive}"), EventStartTime=1, EventEndTime=2,
            Destination={"Arn": arn("events", f"event-bus/{bus}")})

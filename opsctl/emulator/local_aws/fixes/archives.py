"""MiniStack 1.5.33 replays to rules that were not asked for and all at once, completes cancelled replays, and sizes
archives at zero.

Its DescribeArchive also answers with every archived event. AWS
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive-event.html, .../eb-replay-archived-event.html,
API_StartReplay): Destination.FilterArns restricts a replay to those rules; STARTING, RUNNING, then COMPLETED or, after
CancelReplay, CANCELLING and CANCELLED; EventLastReplayedTime says how far it got; a replayed event has replay-name in
its envelope and no trace; archives report how many events and bytes they hold and drop what is past retention.
"""

import json
import threading
import time

from ministack.core import responses
from ministack.services import eventbridge

from local_aws.options import Options
from local_aws.patching import replace
from local_aws.scope import scope

_LISTED = ("ReplayName", "EventSourceArn", "State", "StateReason", "EventStartTime", "EventEndTime",
           "EventLastReplayedTime", "ReplayStartTime", "ReplayEndTime")
_EVENTS_A_SECOND = 100
"""MiniStack replays everything at once. AWS takes its time over a replay, so that one can be watched, and cancelled while it
runs; how much is not documented. This is as fast as one function of this emulator takes events."""


def install(_options: Options) -> None:
    replace(eventbridge, "_describe_archive", describe_archive)
    replace(eventbridge, "_list_archives", list_archives)
    replace(eventbridge, "_start_replay", start_replay)
    replace(eventbridge, "_list_replays", list_replays)
    replace(eventbridge, "_cancel_replay", cancel_replay)


def _measured(archive: dict) -> dict:
    """The archive as it is described: counted after retention, without its events."""
    days = archive.get("RetentionDays") or 0
    events = archive.setdefault("Events", [])
    if days:
        cutoff = time.time() - days * 86_400
        events[:] = [event for event in events if event["Time"] >= cutoff]
    size = sum(len(json.dumps(event)) for event in events)
    archive.update(EventCount=len(events), SizeBytes=size)
    return {key: value for key, value in archive.items() if key != "Events"}


def _not_found(what: str, name: str):
    return responses.error_response_json("ResourceNotFoundException", f"{what} {name} does not exist.", 400)


def describe_archive(data: dict):
    archive = eventbridge._archives.get(data.get("ArchiveName"))
    return responses.json_response(_measured(archive)) if archive else _not_found("Archive", data.get("ArchiveName"))


def list_archives(data: dict):
    found = []
    for name, archive in sorted(eventbridge._archives.items()):
        if (name.startswith(data.get("NamePrefix") or "")
                and data.get("EventSourceArn") in (None, "", archive["EventSourceArn"])
                and data.get("State") in (None, "", archive["State"])):
            described = _measured(archive)
            found.append({key: described[key] for key in eventbridge._ARCHIVE_SUMMARY_KEYS if key in described})
    return responses.json_response({"Archives": found})


def _invalid(message: str):
    return responses.error_response_json("ValidationException", message, 400)


def start_replay(data: dict):
    name, destination = data.get("ReplayName"), data.get("Destination") or {}
    start, end = (eventbridge._coerce_timestamp(data.get(key)) for key in ("EventStartTime", "EventEndTime"))
    if not name or not destination.get("Arn") or start is None or end is None:
        return _invalid("ReplayName, Destination.Arn, EventStartTime and EventEndTime are required")
    if start >= end:
        return _invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
    if name in eventbridge._replays:
        return responses.error_response_json("ResourceAlreadyExistsException", f"Replay {name} already exists.", 400)
    archive_name, problem = eventbridge._archive_name_from_ref(data.get("EventSourceArn", ""))
    if problem:
        return responses.error_response_json(*problem, 400)
    archive = eventbridge._archives.get(archive_name)
    if archive is None:
        return _not_found("Archive", archive_name)
    if destination["Arn"] != archive["EventSourceArn"]:
        return _invalid("Parameter Destination.Arn is not valid. Reason: must be the archive's source event bus.")
    account, region = responses.get_account_id(), responses.get_region()
    replay = {
        "ReplayName": name, "ReplayArn": f"arn:aws:events:{region}:{account}:replay/{name}",
        "Description": data.get("Description", ""), "EventSourceArn": data["EventSourceArn"], "EventStartTime": start,
        "EventEndTime": end, "Destination": destination, "State": "STARTING", "ReplayStartTime": time.time(),
    }
    eventbridge._replays[name] = replay
    threading.Thread(target=_run, args=(replay, archive, account, region), daemon=True, name="replay").start()
    return responses.json_response({key: replay[key] for key in ("ReplayArn", "State", "ReplayStartTime")})


def _run(replay: dict, archive: dict, account: str, region: str) -> None:
    bus = archive["EventSourceArn"].rsplit("/", 1)[-1]
    only = replay["Destination"].get("FilterArns") or None
    with scope(account, region):
        if replay["State"] == "STARTING":
            replay["State"] = "RUNNING"
        events = sorted(archive.get("Events", ()), key=lambda event: event["Time"])
        for event in events:
            if replay["State"] != "RUNNING":
                break
            if replay["EventStartTime"] <= event["Time"] <= replay["EventEndTime"]:
                again = {**event, "EventBusName": bus, "ReplayName": replay["ReplayName"]}
                eventbridge._dispatch_event({**again, "_OnlyRules": only} if only else again)
                replay["EventLastReplayedTime"] = event["Time"]
                time.sleep(1 / _EVENTS_A_SECOND)
        replay["State"] = "COMPLETED" if replay["State"] == "RUNNING" else "CANCELLED"
        replay["ReplayEndTime"] = time.time()


def list_replays(data: dict):
    found = [replay for name, replay in sorted(eventbridge._replays.items())
             if name.startswith(data.get("NamePrefix") or "")
             and data.get("State") in (None, "", replay["State"])
             and data.get("EventSourceArn") in (None, "", replay["EventSourceArn"])]
    return responses.json_response(
        {"Replays": [{key: replay[key] for key in _LISTED if key in replay} for replay in found]})


def cancel_replay(data: dict):
    replay = eventbridge._replays.get(data.get("ReplayName"))
    if replay is None:
        return _not_found("Replay", data.get("ReplayName"))
    if replay["State"] not in ("STARTING", "RUNNING"):
        return responses.error_response_json("IllegalStatusException", f"Replay {replay['ReplayName']} is not running.", 400)
    replay["State"] = "CANCELLING"
    return responses.json_response({"ReplayArn": replay["ReplayArn"], "State": "CANCELLING"})

"""MiniStack 1.5.33 ignores the Time of an event entry, accepts details that are not JSON, and keeps every event.

AWS (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html): the entry's Time
becomes the event's; an entry without source, detail type or detail, or whose detail is not a JSON object, fails with
InvalidArgument or MalformedDetail while the others go through; a bus that does not exist swallows the event.
"""

import json
import uuid

from ministack.core import responses
from ministack.services import eventbridge

from local_aws.options import Options
from local_aws.patching import replace


def install(_options: Options) -> None:
    upstream = eventbridge._put_events

    def put_events(data: dict, allow_aws_source: bool = False):
        entries = data.get("Entries") or []
        if allow_aws_source or not 1 <= len(entries) <= 10:
            return upstream(data, allow_aws_source)
        results = [_put(entry) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return responses.json_response({"FailedEntryCount": failed, "Entries": results})

    replace(eventbridge, "_put_events", put_events)


def _put(entry: dict) -> dict:
    problem = _problem(entry)
    bus, unreadable = eventbridge._event_bus_name_from_ref(entry.get("EventBusName") or "default")
    if problem or unreadable:
        code, message = problem or unreadable
        return {"ErrorCode": code, "ErrorMessage": message}
    at = eventbridge._coerce_timestamp(entry["Time"]) if entry.get("Time") is not None else eventbridge._now_ts()
    event = {
        "EventId": str(uuid.uuid4()), "Source": entry["Source"], "DetailType": entry["DetailType"],
        "Detail": entry["Detail"], "EventBusName": bus, "Time": int(at), "Resources": entry.get("Resources") or [],
        "Account": responses.get_account_id(), "Region": responses.get_region(),
    }
    if bus in eventbridge._event_buses:
        view = eventbridge._pattern_event_view(event)
        eventbridge._dispatch_event(event, view)
        eventbridge._archive_event(event, view)
    return {"EventId": event["EventId"]}


def _problem(entry: dict) -> tuple[str, str] | None:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
    if entry["Source"].startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    try:
        if isinstance(json.loads(entry["Detail"]), dict):
            return None
    except ValueError:
        pass
    return "MalformedDetail", "Detail is malformed."

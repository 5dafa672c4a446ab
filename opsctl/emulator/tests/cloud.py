"""What the tests do with an emulator: clients, functions, rules, waiting."""

import contextlib
import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

import botocore.session
from botocore.config import Config

ACCOUNT, REGION = "000000000000", "us-east-1"
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def until(probe: Callable[[], object], seconds: float = 20.0, every: float = 0.1):
    """The first true value of a probe; fails the test after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s: {value!r}"
        time.sleep(every)
    return value


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


class Cloud:
    def __init__(self, endpoint: str):
        self.endpoint = endpoint
        self._session = botocore.session.get_session()
        self._clients = {}

    def __getattr__(self, service: str):
        """A client by service name, as root."""
        if service not in self._clients:
            self._clients[service] = self.client(service)
        return self._clients[service]

    def client(self, service: str, **config):
        return self._session.create_client(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}, read_timeout=60, **config))

    # Making things ------------------------------------------------------

    def role(self, *statements: tuple[str | list, str | list], basic: bool = True) -> str:
        name = unique("role")
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if basic:
            self.iam.attach_role_policy(RoleName=name, PolicyArn=BASIC)
        self.allow(role, *statements)
        return role

    def allow(self, role: str, *statements: tuple[str | list, str | list]) -> None:
        """Replace the role's inline policy."""
        name = role.rsplit("/", 1)[-1]
        if not statements:
            with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):
                self.iam.delete_role_policy(RoleName=name, PolicyName="inline")
            return
        document = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in statements]}
        self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(document))

    def function(self, code: str, *, role: str | None = None, retries: int = 2, reserved: int | None = None,
                 max_age: int = 21600, **settings) -> str:
        """A custom-runtime function whose ``handle(event, context)`` is given as source; answers its name."""
        name = settings.pop("name", None) or unique("fn")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            info = zipfile.ZipInfo("bootstrap")
            info.external_attr = 0o755 << 16
            zipped.writestr(info, BOOTSTRAP.read_text())
            zipped.writestr("code.py", code)
        role = role or self.role()
        getattr(self, "lambda").create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role,
            Code={"ZipFile": archive.getvalue()}, **{"Timeout": 5, **settings})
        self.functions.put_function_event_invoke_config(
            FunctionName=name, MaximumRetryAttempts=retries, MaximumEventAgeInSeconds=max_age)
        if reserved is not None:
            self.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        return name

    @property
    def functions(self):
        return getattr(self, "lambda")

    def queue(self, policy_for: str | None = None) -> tuple[str, str]:
        """A queue's URL and ARN; ``policy_for`` is the service that may send to it."""
        name = unique("queue")
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        if policy_for:
            policy = {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": policy_for}, "Action": "sqs:SendMessage",
                 "Resource": arn("sqs", name)}]}
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return url, arn("sqs", name)

    def bus(self) -> str:
        name = unique("bus")
        self.events.create_event_bus(Name=name)
        return name

    def rule(self, bus: str, function: str, pattern: dict, *, permit: bool = True, **target) -> str:
        name = unique("rule")
        rule = self.events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
        self.events.put_targets(Rule=name, EventBusName=bus,
                                Targets=[{"Id": "t", "Arn": arn("lambda", f"function:{function}"), **target}])
        if permit:
            self.functions.add_permission(FunctionName=function, StatementId=unique("s"), SourceArn=rule,
                                          Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
        return name

    # Using them ---------------------------------------------------------

    def send(self, bus: str, detail: object = None, *, detail_type: str = "T", **entry) -> str:
        text = detail if isinstance(detail, str) else json.dumps(detail or {})
        answer = self.events.put_events(Entries=[
            {"EventBusName": bus, "Source": "test", "DetailType": detail_type, "Detail": text, **entry}])
        assert answer["FailedEntryCount"] == 0, answer
        return answer["Entries"][0]["EventId"]

    def invoke_async(self, function: str, event: object) -> None:
        payload = event if isinstance(event, (bytes, str)) else json.dumps(event)
        assert self.functions.invoke(FunctionName=function, InvocationType="Event", Payload=payload)["StatusCode"] == 202

    def invoke(self, function: str, event: object = None) -> object:
        answer = self.functions.invoke(FunctionName=function, Payload=json.dumps(event or {}))
        return json.loads(answer["Payload"].read() or b"null")

    def messages(self, url: str) -> list[dict]:
        return self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"],
                                        MessageSystemAttributeNames=["All"]).get("Messages", [])

    def logs(self, function: str, **options) -> list[str]:
        try:
            events = self.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}", **options)["events"]
        except self.client("logs").exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def metric(self, namespace: str, name: str, stat: str = "Sum", **dimensions) -> float | None:
        """One statistic over the last ten minutes; None without data."""
        now = time.time()
        points = self.cloudwatch.get_metric_statistics(
            Namespace=namespace, MetricName=name, StartTime=now - 600, EndTime=now + 60, Period=3600, Statistics=[stat],
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()])["Datapoints"]
        values = [point[stat] for point in points]
        return None if not values else (sum(values) if stat in ("Sum", "SampleCount") else max(values))

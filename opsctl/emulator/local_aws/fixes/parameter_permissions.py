"""MiniStack 1.5.33 authorises ssm:GetParameters against "*", so a role that names its parameters is refused.

AWS checks each parameter named in the request, and refuses the call if one is not allowed
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html).
"""

import json

from ministack.core import iam_actions, iam_evaluator

from local_aws.options import Options
from local_aws.patching import replace


class _Arns(str):
    """The first resource of a request, knowing the others."""

    others: tuple[str, ...] = ()


def install(_options: Options) -> None:
    resource_of, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        if service == "ssm" and iam_actions._action_from_target(headers) in ("GetParameters", "DeleteParameters"):
            try:
                names = json.loads(body or b"{}").get("Names") or []
            except (ValueError, AttributeError):
                names = []
            arns = [name if name.startswith("arn:") else f"arn:aws:ssm:{region}:{account_id}:parameter/{name.lstrip('/')}"
                    for name in names if isinstance(name, str)]
            if arns:
                resource = _Arns(arns[0])
                resource.others = tuple(arns[1:])
                return resource
        return resource_of(service, method, path, headers, body, query_params, region, account_id)

    def enforce_each(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        for arn in (str(resource_arn), *getattr(resource_arn, "others", ())):
            denied = enforce(access_key_id, iam_action, service, region, resource_arn=arn, service_context=service_context)
            if denied:
                return denied
        return None

    replace(iam_actions, "extract_resource_arn", extract_resource_arn)
    replace(iam_evaluator, "enforce", enforce_each)

"""Asking the IAM evaluator on behalf of a service that acts as a role, or as itself."""

from ministack.core import iam_evaluator


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the identity policies of a role allow an action on a resource, as they stand now."""
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/local", principal_type="AssumedRole",
        principal_account=account, action=action, resource_arn=resource, region=_region(resource),
    )
    return iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(role, account)).decision == "Allow"


def policy_allows_service(policy: dict | str | None, service: str, action: str, resource: str, source_arn: str) -> bool:
    """Whether a resource policy lets an AWS service act, with the producing resource as aws:SourceArn."""
    if not policy:
        return False
    account = source_arn.split(":")[4]
    context = iam_evaluator.EvalContext(
        principal_arn="*", principal_type="Service", principal_account="", action=action, resource_arn=resource,
        region=_region(resource),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account, "aws:sourceowner": account},
    )
    return iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow"


def _region(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 and parts[3] else "us-east-1"

"""Account and region of a call, which MiniStack keeps in context variables."""

import contextlib
from collections.abc import Iterator

from ministack.core import responses


@contextlib.contextmanager
def scope(account: str, region: str) -> Iterator[None]:
    """Run the body as a request of that account and region."""
    account_token = responses._request_account_id.set(account)
    region_token = responses._request_region.set(region)
    try:
        yield
    finally:
        responses._request_region.reset(region_token)
        responses._request_account_id.reset(account_token)


def scope_of_arn(arn: str):
    """The scope an ARN names: ``arn:aws:service:region:account:...``."""
    parts = arn.split(":")
    return scope(parts[4], parts[3])


def enter(account: str, region: str) -> None:
    """Make this thread's calls those of that account and region, for good."""
    responses._request_account_id.set(account)
    responses._request_region.set(region)

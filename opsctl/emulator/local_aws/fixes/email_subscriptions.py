"""MiniStack 1.5.33 confirms e-mail subscriptions by itself.

AWS keeps one pending, lists its ARN as PendingConfirmation and sends it nothing until the link in the confirmation
mail, which carries a token, was followed (https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html).
Here the mails go to the mailbox of ``local_aws.mailbox``. A pending subscription can be removed, so that Terraform's
destroy leaves nothing; AWS would keep it until the topic goes or two days pass.
"""

import re
import uuid

from ministack.services import sns

from local_aws import mailbox
from local_aws.options import Options
from local_aws.patching import replace

_PROTOCOLS = ("email", "email-json")
_PENDING = "PendingConfirmation"


def install(_options: Options) -> None:
    subscribe, deliveries = sns._subscribe, sns._fanout

    def subscribe_pending(params):
        topic = sns._topic_by_arn_any_scope(sns._normalize_arn(sns._p(params, "TopicArn")))
        before = {each["arn"] for each in topic["subscriptions"]} if topic else set()
        status, headers, body = subscribe(params)
        if status != 200 or sns._p(params, "Protocol") not in _PROTOCOLS:
            return status, headers, body
        added = [each for each in topic["subscriptions"] if each["arn"] not in before]
        for each in added:
            each.update(confirmed=False, token=uuid.uuid4().hex)
            each["attributes"].update({_PENDING: "true", "ConfirmationWasAuthenticated": "false"})
            sns._refresh_subscription_counts(topic)
            mailbox.post(each["endpoint"], "AWS Notification - Subscription Confirmation",
                         f"You have chosen to subscribe to the topic: {topic['arn']}", token=each["token"], topic=topic["arn"])
        if sns._p(params, "ReturnSubscriptionArn") == "true":
            return status, headers, body
        return status, headers, re.sub(rb"<SubscriptionArn>[^<]*<", b"<SubscriptionArn>pending confirmation<", _bytes(body))

    def fanout_with_mail(topic_arn, message_id, message, subject, message_structure="", message_attributes=None, **options):
        topic = sns._topic_by_arn_any_scope(topic_arn)
        for each in (topic or {}).get("subscriptions", ()):
            if each["protocol"] in _PROTOCOLS and each.get("confirmed"):
                text = sns._resolve_message_for_protocol(message, message_structure, each["protocol"])
                if sns._matches_filter_policy(each, message_attributes or {}, text):
                    mailbox.post(each["endpoint"], subject or "AWS Notification Message", text, topic=topic_arn)
        return deliveries(topic_arn, message_id, message, subject, message_structure, message_attributes, **options)

    replace(sns, "_subscribe", subscribe_pending)
    replace(sns, "_fanout", fanout_with_mail)
    for name in ("_list_subscriptions", "_list_subscriptions_by_topic"):
        replace(sns, name, _with_pending_hidden(getattr(sns, name)))


def _with_pending_hidden(listing):
    def listed(params):
        status, headers, body = listing(params)
        text = _bytes(body).decode()
        for topic in sns._topics.values():
            for each in topic["subscriptions"]:
                if not each.get("confirmed"):
                    text = text.replace(f"<SubscriptionArn>{each['arn']}<", f"<SubscriptionArn>{_PENDING}<")
        return status, headers, text.encode()

    return listed


def _bytes(body) -> bytes:
    return body.encode() if isinstance(body, str) else body

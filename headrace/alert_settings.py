"""The settings of what is promised, and of who is told where it is not kept; one struct a table."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Burning = Annotated[float, Meta(gt=0, le=10_000, description="How many times as fast as allowed a budget may burn.")]
Long = Annotated[float, Meta(gt=0, le=31_536_000, description="The longer window, in seconds, of both that must.")]
Short = Annotated[float, Meta(gt=0, le=31_536_000, description="The shorter window, which is over soon after it.")]


class Speed(msgspec.Struct, frozen=True):
    """How fast is too fast, and over which windows that is seen."""

    burn: Burning
    long_s: Long
    short_s: Short


class FastBurn(Speed, frozen=True):
    """A budget that is gone within days."""

    burn: Burning = 14.4
    long_s: Long = 3600.0
    short_s: Short = 300.0


class MediumBurn(Speed, frozen=True):
    """A budget that is gone within the week."""

    burn: Burning = 6.0
    long_s: Long = 21_600.0
    short_s: Short = 1800.0


class SlowBurn(Speed, frozen=True):
    """A budget that will just be gone."""

    burn: Burning = 1.0
    long_s: Long = 259_200.0
    short_s: Short = 21_600.0


class Slo(msgspec.Struct, frozen=True):
    """What models promise that say nothing themselves, and how fast an error budget may burn."""

    availability: Annotated[
        float, Meta(ge=0, le=0.999999, description="Share of a model's requests that is to be answered; 0: no target.")
    ] = 0.999
    period_days: Annotated[float, Meta(gt=0, le=366, description="How long an error budget has to last.")] = 30.0
    least_failures: Annotated[
        int, Meta(ge=1, le=1_000_000, description="How many failures in the longer window make a burn.")
    ] = 3
    fast: FastBurn = FastBurn()
    medium: MediumBurn = MediumBurn()
    slow: SlowBurn = SlowBurn()


SECRET = r"^((env:[A-Za-z_][A-Za-z0-9_]*|file:.+))?$"
ADDRESS = r"^(https?://[^\s/]\S*|env:[A-Za-z_][A-Za-z0-9_]*|file:.+)?$"
A_SECRET = "env:NAME or file:PATH of what has it, or nothing"
AN_ADDRESS = "an address of http:// or https://, env:NAME or file:PATH of what has it, or nothing"


class Alerts(msgspec.Struct, frozen=True):
    """When something is wrong, and who is told."""

    every_s: Annotated[float, Meta(gt=0, le=3600, description="How often the server looks whether all is well.")] = 5.0
    for_s: Annotated[
        float, Meta(ge=0, le=86400, description="How long something must be wrong before anybody is told.")
    ] = 30.0
    resolve_s: Annotated[
        float, Meta(ge=0, le=86400, description="How long it must be right again before anybody is told.")
    ] = 60.0
    window_s: Annotated[
        float, Meta(gt=0, le=86400, description="How far back workers that died and telemetry left out are counted.")
    ] = 600.0
    crashes: Annotated[
        int, Meta(ge=1, le=1000, description="Workers of a version that die within that time and are a crash loop.")
    ] = 3
    disk_free: Annotated[
        float, Meta(ge=0, le=1, description="Share of a disk that must be free where the server writes.")
    ] = 0.05
    group_by: Annotated[
        Literal["alert", "model", "none"], Meta(description="What alerts have in common that come in one notice.")
    ] = "alert"
    group_wait_s: Annotated[
        float, Meta(ge=0, le=3600, description="How long the first notice of a group waits for company.")
    ] = 10.0
    group_interval_s: Annotated[
        float, Meta(ge=0, le=86400, description="How long after a notice the next of its group may come.")
    ] = 60.0
    repeat_s: Annotated[
        float, Meta(gt=0, le=2_592_000, description="How long after a notice it comes again, unchanged.")
    ] = 14_400.0
    log: Annotated[bool, Meta(description="Whether alerts are lines of the log.")] = True
    webhook: Annotated[
        str,
        Meta(description="Where notices are posted to as JSON.", pattern=ADDRESS, extra={"takes": AN_ADDRESS}),
    ] = ""
    webhook_token: Annotated[
        str,
        Meta(description="What they are sent with as a bearer token.", pattern=SECRET, extra={"takes": A_SECRET}),
    ] = ""
    alertmanager: Annotated[
        str,
        Meta(
            description="The Alertmanager that is told, up to what comes before `/api/v2`.",
            pattern=ADDRESS,
            extra={"takes": AN_ADDRESS},
        ),
    ] = ""
    alertmanager_token: Annotated[
        str,
        Meta(description="What that is sent with as a bearer token.", pattern=SECRET, extra={"takes": A_SECRET}),
    ] = ""
    smtp: Annotated[
        str,
        Meta(
            description="The mail server that takes notices.",
            pattern=r"^((smtps?|smtp\+starttls)://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?)?$",
            extra={"takes": "an address of smtp://, smtp+starttls:// or smtps://, or nothing"},
        ),
    ] = ""
    smtp_user: Annotated[
        str, Meta(description="The name that it knows the server by.", extra={"takes": "a name, or nothing"})
    ] = ""
    smtp_password: Annotated[
        str, Meta(description="The password of that name.", pattern=SECRET, extra={"takes": A_SECRET})
    ] = ""
    email_from: Annotated[
        str, Meta(description="Whom mails are from.", extra={"takes": "a mail address, or nothing"})
    ] = ""
    email_to: Annotated[
        str, Meta(description="Whom mails go to.", extra={"takes": "mail addresses with commas between, or nothing"})
    ] = ""
    timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="How long a receiver may take for each step of an exchange.")
    ] = 10.0

"""Keys and tokens told by their shape, as those who hand them out document it.

Shapes are facts, from the providers' own references and the prefixes registered for secret scanning (docs.github.com, "Supported
secret scanning patterns"; docs.gitlab.com, "Token overview"); the patterns are ours. An anchor is the fixed part in lower case,
0 for any digit; `run` the characters of [A-Za-z0-9_.+/=~:-] that follow it at least. Publishable keys and identifiers of accounts
are no secrets and are not here.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """A shape: a pattern that matches from so many characters before the anchor; its group `secret`, if any, is what is replaced.

    inside: the anchor stands within a word.
    """

    name: str
    anchors: tuple[str, ...]
    run: int
    pattern: re.Pattern[str]
    before: int = 0
    inside: bool = False


def _provider(  # noqa: PLR0917 - rows of a table
    name: str, anchors: str, run: int, pattern: str, before: int = 0, inside: bool = False
) -> Provider:
    edge = r"(?![A-Za-z0-9_])"
    return Provider(name, tuple(anchors.split()), run, re.compile(pattern + edge), before, inside)


PROVIDERS: tuple[Provider, ...] = (
    _provider("aws_access_key", "akia asia abia acca", 16, r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    _provider("aws_bedrock_key", "absk", 40, r"ABSK[A-Za-z0-9+/]{100,280}={0,2}"),
    _provider("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", 36, r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _provider("github_fine_grained_token", "github_pat_", 40, r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _provider(
        "gitlab_token",
        "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glwt-",
        20,
        r"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[A-Za-z0-9_-]{20,300}(?:\.[a-z0-9]{2}\.[a-z0-9]{9})?",
    ),
    _provider("slack_token", "xoxa- xoxb- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xoxc- xoxd-", 20, r"xox[abceoprsd][-.](?:xox[bp]-)?[A-Za-z0-9%-]{20,250}"),
    _provider("slack_app_token", "xapp-", 30, r"xapp-\d-[A-Z0-9]{8,20}-\d{8,20}-[a-f0-9]{32,80}"),
    _provider("slack_webhook", "hooks.slack.com/", 30, r"(?i:hooks\.slack\.com)/(?:services|workflows|triggers)/(?P<secret>[A-Z0-9]{6,15}/[A-Za-z0-9/]{20,90})"),
    _provider("discord_webhook", "discord.com/api/webhooks/ discordapp.com/api/webhooks/", 60, r"discord(?:app)?\.com/api/webhooks/\d{17,20}/(?P<secret>[A-Za-z0-9_-]{60,80})"),
    _provider("stripe_key", "sk_live_ sk_test_ rk_live_ rk_test_", 16, r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}"),
    _provider("stripe_webhook_secret", "whsec_", 24, r"whsec_[A-Za-z0-9+/]{24,64}={0,2}"),
    _provider("google_api_key", "aiza", 35, r"AIza[A-Za-z0-9_-]{35}(?![-])"),
    _provider("google_oauth_secret", "gocspx-", 28, r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _provider("google_access_token", "ya00.", 20, r"ya29\.[A-Za-z0-9_-]{20,500}"),
    _provider("openai_key", "sk-proj- sk-svcacct- sk-admin- sk-none-", 20, r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,250}"),
    _provider("anthropic_key", "sk-ant-", 30, r"sk-ant-[a-z]{2,10}\d\d-[A-Za-z0-9_-]{60,150}"),
    _provider("openrouter_key", "sk-or-v0-", 64, r"sk-or-v1-[a-f0-9]{64}"),
    _provider("sk_key", "sk-", 32, r"sk-(?:lf-)?[A-Za-z0-9]{32,64}"),
    _provider("langfuse_key", "sk-lf-", 36, r"sk-lf-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"),
    _provider("huggingface_token", "hf_ api_org_", 34, r"(?:hf|api_org)_[A-Za-z]{34}"),
    _provider("groq_key", "gsk_", 48, r"gsk_[A-Za-z0-9]{48,60}"),
    _provider("xai_key", "xai-", 70, r"xai-[A-Za-z0-9_]{70,90}"),
    _provider("replicate_token", "r0_", 37, r"r8_[A-Za-z0-9]{37,40}"),
    _provider("perplexity_key", "pplx-", 40, r"pplx-[A-Za-z0-9]{40,64}"),
    _provider("npm_token", "npm_", 36, r"npm_[A-Za-z0-9]{36}"),
    _provider("pypi_token", "pypi-", 50, r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}"),
    _provider("rubygems_key", "rubygems_", 48, r"rubygems_[a-f0-9]{48}"),
    _provider("crates_token", "cio", 32, r"cio[A-Za-z0-9]{32}"),
    _provider("docker_token", "dckr_pat_ dckr_oat_", 27, r"dckr_[po]at_[A-Za-z0-9_-]{27,40}"),
    _provider("jwt", "eyj", 40, r"eyJ[A-Za-z0-9_-]{10,1000}+\.eyJ[A-Za-z0-9_-]{10,8000}+\.[A-Za-z0-9_-]{20,1000}+"),
    _provider("sendgrid_key", "sg.", 60, r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _provider("twilio_key", "sk", 32, r"SK[0-9a-f]{32}"),
    _provider("mailgun_key", "key-", 32, r"key-[0-9a-f]{32}"),
    _provider("azure_storage_key", "accountkey=", 80, r"(?i:AccountKey)=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    _provider("azure_shared_key", "sharedaccesskey=", 40, r"(?i:SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{43}=)"),
    _provider("telegram_bot_token", "0:aa", 33, r"(?<=\d{7})\d:(?P<secret>AA[A-Za-z0-9_-]{33})", inside=True),
    _provider("digitalocean_token", "dop_v0_ doo_v0_ dor_v0_", 64, r"do[opr]_v1_[a-f0-9]{64}"),
    _provider("shopify_token", "shpat_ shpca_ shppa_ shpss_", 32, r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
    _provider("square_token", "sq0atp- sq0csp- sq0idp-", 22, r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}"),
    _provider("square_access_token", "eaaa", 56, r"EAAA[A-Za-z0-9_-]{60}"),
    _provider("databricks_token", "dapi", 32, r"dapi[a-f0-9]{32}(?:-\d)?"),
    _provider("grafana_token", "glsa_ glc_", 32, r"(?:glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}|glc_[A-Za-z0-9+/]{32,400}={0,2})"),
    _provider("vault_token", "hvs. hvb. hvr.", 24, r"hv[sbr]\.[A-Za-z0-9_-]{24,300}"),
    _provider("terraform_token", ".atlasv0.", 60, r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}", 14, True),
    _provider("newrelic_key", "nrak-", 27, r"NRAK-[A-Z0-9]{27}"),
    _provider("postman_key", "pmak-", 59, r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    _provider("pulumi_token", "pul-", 40, r"pul-[a-f0-9]{40}"),
    _provider("linear_key", "lin_api_", 40, r"lin_api_[A-Za-z0-9]{40}"),
    _provider("notion_token", "ntn_", 43, r"ntn_[A-Za-z0-9]{43,50}"),
    _provider("figma_token", "figd_", 40, r"figd_[A-Za-z0-9_-]{40,50}"),
    _provider("sentry_token", "sntrys_ sntryu_", 60, r"sntry[su]_[A-Za-z0-9+/=_]{60,300}"),
    _provider("planetscale_token", "pscale_tkn_ pscale_pw_", 32, r"pscale_(?:tkn|pw)_[A-Za-z0-9_.-]{32,64}"),
    _provider("doppler_token", "dp.pt. dp.st. dp.ct. dp.sa.", 40, r"dp\.(?:pt|ct|sa|st(?:\.[a-z0-9_-]{2,35})?)\.[A-Za-z0-9]{40,44}"),
    _provider("supabase_token", "sbp_ sb_secret_", 30, r"(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{30,40})"),
    _provider("atlassian_token", "atatt0", 100, r"ATATT3[A-Za-z0-9_=-]{150,250}"),
    _provider("age_key", "age-secret-key-0", 58, r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    _provider("mailchimp_key", "-us0", 0, r"(?<![A-Za-z0-9])[0-9a-f]{32}-us\d{1,2}", 32, True),
)  # fmt: skip

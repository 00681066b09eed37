"""What the provider says of itself (OpenID Connect Discovery 1.0 section 3), for clients of any
make; other members learn the same from its entity configuration."""

from collections.abc import Mapping
from typing import Any

from federation.trust.description import Provider, provider_metadata_of
from portal.languages import LANGUAGES
from portal.openid import claims
from portal.openid.requests import PROMPTS


def metadata(provider: Provider) -> Mapping[str, Any]:
    """Return what /.well-known/openid-configuration says."""
    return {
        **provider_metadata_of(provider),
        "jwks_uri": f"{provider.issuer}/openid/keys",
        "scopes_supported": ["openid"],
        "response_modes_supported": ["query"],
        "prompt_values_supported": list(PROMPTS),
        "claim_types_supported": ["normal"],
        "claims_supported": [*claims.STANDARD, *claims.OF_OURS],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        # Without a word it would be.
        "request_uri_parameter_supported": False,
        "ui_locales_supported": list(LANGUAGES),
        "op_policy_uri": f"{provider.issuer}/notice/privacy",
        "op_tos_uri": f"{provider.issuer}/notice/terms",
    }

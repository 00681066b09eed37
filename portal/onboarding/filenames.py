"""Names of files that a profile is downloaded as."""

import re
import unicodedata

from portal.onboarding.profile import Profile


def file_name(profile: Profile, extension: str) -> str:
    """Return the federation's name in ASCII with the extension: "Farandole.mobileconfig".

    Nothing a citizen typed is in it: it goes into a header, and into commands that they copy.
    """
    plain = unicodedata.normalize("NFKD", profile.network.name).encode("ascii", "ignore").decode()
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', plain).strip('-') or 'wifi'}.{extension}"

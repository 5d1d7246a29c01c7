# SPDX-License-Identifier: Apache-2.0
"""Which licence a file of a Debian package is under, read from the package's own copyright file.

Debian's machine-readable copyright format (DEP-5) is a list of stanzas `Files: PATTERNS` /
`License: NAME`; the last stanza whose pattern matches a file decides.  Patterns name paths of the
source package, installed paths differ in their first folders, so a pattern may match any tail of an
installed path."""
import fnmatch
import re

PERMISSIVE = re.compile(
    r'^(cc0|cc-by-\d|cc-by$|public|pd\b|bsd|mit\b|expat|zlib|apache|ofl|sil|freedoom|isc|unlicense)', re.I)


def is_permissive(licence):
    """True for public domain, CC0, CC-BY, OFL, Apache, BSD, MIT, zlib; a dual licence counts by its
    first permissive member ("GPL-2 or CC-BY-3.0"), a joint one ("CC-BY-3.0 and GPL-2") by all."""
    alternatives = re.split(r'\s+or\s+', licence.strip(), flags=re.I)
    return any(all(PERMISSIVE.match(part.strip()) for part in re.split(r'\s+and\s+|,', one, flags=re.I))
               for one in alternatives)


PICTURE_SUFFIX = re.compile(r'\.(png|jpg|jpeg|webp|gif|xcf|svgz?)$', re.I)


def _stem(path):
    """Packages convert pictures while building: one file in the source, another suffix installed."""
    return PICTURE_SUFFIX.sub('', path)


def _tails(path):
    """FOLDER/NAME, and NAME alone if it is long enough to be no other file's."""
    parts = _stem(path).split('/')
    return ['/'.join(parts[-2:])] * (len(parts) > 1) + [parts[-1]] * (len(parts[-1]) > 11)


class CopyrightFile:
    def __init__(self, text):
        self.default = 'unknown'                            # of the pattern `*`
        self.rules = []                                     # (regex, licence), in file order
        self.names = {}                                     # last one or two parts of a path -> licences beside them
        for stanza in re.split(r'\n\s*\n', text):
            fields = dict(re.findall(r'^(\S+):[ \t]*((?:.*(?:\n[ \t].*)*))', stanza, flags=re.M))
            if 'Files' not in fields or 'License' not in fields:
                continue
            licence = fields['License'].split('\n')[0].strip()
            for pattern in fields['Files'].replace(',', ' ').split():
                if pattern == '*':
                    self.default = licence
                    continue
                self.rules.append((re.compile('(.*/)?' + fnmatch.translate(_stem(pattern))), licence))
                if not set('*?') & set(pattern):
                    for name in _tails(pattern):
                        self.names.setdefault(name, set()).add(licence)

    def licence(self, path):
        """By the last pattern that matches a tail of the path; else by the file's name with its folder or, if it
        is a telling one, alone, where all stanzas that name it agree; else the package's default."""
        path = _stem(path)
        for regex, licence in reversed(self.rules):
            if regex.match(path):
                return licence
        named = set().union(*(self.names.get(name, set()) for name in _tails(path)))
        return next(iter(named)) if len(named) == 1 else self.default

"""Which words at the top of a file are about who owns it and what one may do with it.

The phrases are those of the licences on choosealicense.com and of the notices their authors ask to be put into files; the
rest is from headers of real files (Debian's sources, PyPI, npm). Measured on text in lower case, lines joined by blanks.
"""

import re

HINTS = (
    "copyright", "licen", "(c)", "©", "spdx-", "rights reserved", "public domain", "permission", "redistribution",
    "warrant", "free software", "copyleft", "confidential", "part of", "&copy;", "as is", "no event",
)  # fmt: skip
"""One of these stands in every text that the patterns below find."""

_YEAR = r"(?:19|20)\d\d\b"
_NAMES = (
    r"(?:mit|x11|isc|[23]-clause|(?:new|modified|simplified|revised)[ ]bsd|bsd(?:-style|-?[23]-clause)?|apache|gnu|gpl|lgpl|agpl|[al]?gpl-?v?[123]"
    r"|mpl|mozilla|cddl|eclipse|epl|boost|zlib|artistic|creative[ ]commons|cc[ -]by|cc0|unlicense|wtfpl|psf|python|ruby|php|public|open[ ]?source)"
)
_OF_FILE = r"(?:file|program|software|library|code|source(?:[ ]code)?|module|package|script|work|package|project|product|material|document)"

NOTICE = re.compile(
    rf"""^\W*(?:(?:portions?|parts?|original(?:ly)?|based[ ]on|some|code|this[ ]file|modifications?|contributions?|derivative|derived)\W+(?:\w+\W+){{0,4}}?)?
        (?:copyright|copyleft)\b\W*(?:\(c\)|©|\d|by\b|owned|holder|notice|the\b|[a-z][\w.&'-]*[ ,.]|$)
      | \b(?:copyright|copr\.|\(c\)|©|&copy;)\W{{0,6}}(?:\(c\)\W*|©\W*|by\W+)?{_YEAR}
      | ^\W*(?:\(c\)|©|&copy;)\W*(?:copyright|by|[a-z])
      | \bcopyright\W{{0,3}}(?:\(c\)|©|&copy;)
      | (?:\(c\)|©|&copy;)[ ][\w.,& -]{{2,60}}\|[^\n]{{0,80}}licen[cs]e
      | \bspdx-[a-z]+
      | \ball[ ]rights[ ]reserved\b
      | ^\W*[@\\:](?:licen[cs]e|copyright|lic|preserve[ ]copyright)\b
      | ^\W*licen[cs]e(?:[ ]type)?\s*:\s*\S
      | ^\W*licen[cs]e\W+(?:{_NAMES})\b
      | ^\W*(?:https?://\S*(?:licen[cs]e|copying)\S*|https?://(?:www\.)?(?:gnu\.org/copyleft|opensource\.org|mozilla\.org/mpl)\S*)\W*$
    """,
    re.VERBOSE,
)
"""A line that is a notice by itself; what follows it in the same paragraph may be about something else."""

PROSE = re.compile(
    rf"""\blicen[cs]ed[ ](?:under|to|as|by|material|for|subject)\b
      | \b(?:released|distributed|available|provided|published|redistribut\w+|covered|governed|shared|use[ds]?|dual[ ]licen[cs]ed)\b[ ](?:\w+[ ]){{0,4}}?(?:under|by)[ ]
          (?:the[ ]|a[ ]|an[ ])?(?:terms|conditions|following|same|{_NAMES}\b|[\w.+/ -]{{0,40}}\blicen[cs]e|open\b)
      | \bunder[ ](?:the[ ])?(?:terms|conditions)\b
      | \b(?:{_NAMES})[ ](?:software[ ])?licen[cs]e\b
      | \bpermission[ ](?:is[ ](?:hereby[ ])?granted|to[ ](?:use|copy|modify|distribute))\b
      | \bpermission[ ](?:\w+[ ]){{0,6}}?is[ ]hereby[ ]granted\b
      | \bredistributions?[ ](?:and[ ]use|of[ ]source|in[ ]binary|of\b|in\b)
      | \bneither[ ]the[ ]names?[ ]of\b | \bmay[ ]not[ ]be[ ]used[ ]to[ ]endorse\b
      | \bthis[ ]{_OF_FILE}[ ](?:\w+[ ]){{0,3}}?(?:is|are)[ ](?:\w+[ ]){{0,2}}?(?:free[ ]software|(?:an?[ ])?(?:unpublished|proprietary|confidential)|distributed[ ]in[ ]the[ ]hope
          |subject[ ]to|part[ ]of|in[ ]the[ ]public[ ]domain|provided\W+(?:\w+\W+){{0,8}}?as[ -]?is|copyright)
      | \bas[ -]is\W{{1,4}}(?:basis|without|and\b|with[ ]no)
      | \bwithout[ ](?:any[ ](?:express[ ]or[ ]implied[ ])?|even[ ]the[ ]implied[ ]|express[ ]or[ ]implied[ ]|implied[ ])?warrant
      | \bno[ ]warrant(?:y|ies)\b | \bmerchantability\b
      | \bin[ ]no[ ]event[ ](?:shall|will)\b
      | \byou[ ](?:should|may|can)[ ](?:have[ ]received|obtain|find|redistribute|not[ ]use)[ ](?:a[ ]copy|this|it\b|the[ ]licen[cs]e)
      | \bmay[ ]not[ ]use[ ]this[ ](?:file|software|work)\b
      | \blimitations[ ]under[ ]the[ ]licen[cs]e\b
      | \b(?:see|read|consult|refer[ ]to)[ ](?:the[ ])?(?:accompanying[ ]|attached[ ]|included[ ]|top-level[ ]|file[ ]|enclosed[ ])*\W?(?:licen[cs]e|copying|notice|copyright)\b(?:[\w./-]*)\W(?:.{{0,60}}?)
          (?:for[ ]|in[ ]|file\b|distributed|included|information|details|terms|$)
      | \bthe[ ]above[ ]copyright[ ]notice\b | \bthis[ ](?:copyright[ ]|permission[ ])?notice[ ](?:may|must|shall)\b
      | \bsubject[ ]to[ ]the[ ](?:following|terms)\b[ ](?:conditions|restrictions|and|of)
      | \bthe[ ]origin[ ]of[ ]this[ ]software\b | \baltered[ ]source[ ]versions\b
      | \b(?:released|placed|dedicated|put|been)[ ](?:in|into|to)[ ]the[ ]public[ ]domain\b | \bpublic[ ]domain[ ](?:software|code|work)\b
      | \buse[ ]of[ ]this[ ]source[ ]code\b
      | \bcontributor[ ]licen[cs]e[ ]agreements?\b | \bnotice[ ]file[ ]distributed[ ]with\b
      | \bunless[ ]required[ ]by[ ]applicable[ ]law\b
      | \bfree[ ]software[ ]foundation\b | \bgnu[ ](?:lesser[ ]|library[ ]|affero[ ])?general[ ]public\b
      | \bthis[ ]{_OF_FILE}[ ]is[ ]part[ ]of\b
      | \b(?:proprietary[ ]and[ ]confidential|confidential[ ]and[ ]proprietary|trade[ ]secrets?)\b
      | \b(?:full|complete|detailed)[ ](?:licen[cs]e|copyright)(?:[ ](?:text|and\b|information|details|notice))
      | \blicen[cs]e[ ]information\b | \bfor[ ](?:the[ ])?licen[cs]e[ ](?:terms|details)\b
    """,
    re.VERBOSE,
)
"""Terms of use; they run to the end of their paragraph."""

WEAK = re.compile(
    r"\b(?:licen[cs]\w*|copyright\w*|warrant\w*|liab\w+|damages|notice|permission|distribut\w+|redistribut\w+|modif\w+|software|conditions|rights)\b"
)
"""Two different ones of these make a paragraph one of a licence's if it stands between two that surely are."""

DIRECTIVE = re.compile(
    r"""-\*-.*-\*-|\bcoding[:=]|\bencoding:|\b(?:vim?|ex):|go:\w|^\W*\+build\b|\bfrozen_string_literal:|\bwarn_indent:|\btyped:[ ]\w
      | \b(?:es|ts|js)(?:lint|hint)\b|@(?:flow|ts-|jsx|noflow|format|generated|preserve-)|\bpylint:|\bnoqa\b|\btype:[ ]ignore|\bmypy:|\bflake8:|\bruff:|\bfmt:|\bisort:
      | \bshellcheck[ ]|\brubocop:|\bnolint|\bclang-format|\bprettier-|\bistanbul[ ]|\bsourcemappingurl|yaml-language-server|^\W*(?:syntax|escape)=
      | ^\W*language:|\bcython:|\bdistutils:|^\W*(?:globals?|exported)[ ][\w$]|\bbiome-ignore|\bdprint-|\b-\*-|swift-tools-version|swiftlint:|^\W*lint:|\bsemgrep|\bnosec
      | ^\W*requires?[ ]|^\W*(?:end)?region\b|^[ ]*@(?:ts|jest|vitest)-|cspell:|spell-?checker|\bcheckstyle|\$\w+(?::[^$]*)?\$$|^\W*///?[ ]*<reference|code generated|do not edit
    """,
    re.VERBOSE,
)
"""Comments that speak to a tool; they stay, wherever they stand."""

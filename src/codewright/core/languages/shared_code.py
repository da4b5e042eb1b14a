"""Shared extensions of programming languages: what tells the languages of one extension apart.

Each line: the fallback, why it, then rules `(language, pattern)` in order; comments say what is told apart.
"""

from codewright.core.languages.rules import Row, row
from codewright.core.languages.shared_data import JSON, ROFF, XML

OBJECTIVE_C = (
    "objective-c",
    r"\n[ \t]*(?:@(?:interface|implementation|protocol)[ \t]+\w+|@(?:class|import)[ \t]+[\w, .]+;|@(?:end|optional|required)[ \t]*$"
    r"|@property[ \t]*\(|#[ \t]*import[ \t]+[<\"]|NS_ASSUME_NONNULL_BEGIN)",
)
# Nearly all of C++ shows at the beginnings of lines, which are found quickly; the rest is looked for where its letters are.
CPP = (
    (
        "cpp",
        r"\n[ \t]*(?:template[ \t]*<|(?:inline[ \t]+)?namespace\b[^;()=\n]*$|namespace\b[^;()=\n]*\{|using[ \t]+(?:namespace\b|\w+[ \t]*=|[\w:]+::)"
        r"|(?:class|struct)[ \t]+(?:\w+[ \t]+)?[\w:]+(?:[ \t]+final)?[ \t]*:[ \t]*(?:public|private|protected|virtual|\w+::|[A-Z]\w+[ \t]*\{?$)"
        r"|class[ \t]+(?:\w+[ \t]+)?\w+(?:[ \t]+final)?[ \t]*[;{]?[ \t]*$"
        r"|(?:public|private|protected|signals|Q_SIGNALS)(?:[ \t]+(?:slots|Q_SLOTS))?[ \t]*:(?!:)"
        r"|#[ \t]*include[ \t]*(?:<[A-Za-z_]\w*>|[<\"][\w/.+-]+\.(?:hpp|hh|hxx|ipp)[>\"])"
        r"|virtual[ \t]+[\w~]|friend[ \t]+\w|explicit[ \t]+\w|constexpr\b|mutable[ \t]+\w)",
    ),
    ("cpp", r"\bstd::\w|\b[A-Za-z_]\w*::~?\w+[ \t]*\(", "::"),
    ("cpp", r"\boperator[ \t]*(?:[-+*/=<>!|&\[\]^%]{1,3}|\(\))[ \t]*\(", "operator"),
    ("cpp", r"\b(?:static|reinterpret|const|dynamic)_cast<", "_cast<"),
    ("cpp", r"(?<!NULL )(?<!NULL\t)\bnullptr\b", "nullptr"),
    ("cpp", r"\bconst[ \t]+\w+[ \t]*&", "&"),
    ("cpp", r"[)\w][ \t]*=[ \t]*(?:delete|default)[ \t]*;", "delete", "default"),
    ("cpp", r"\)[ \t]*(?:const[ \t]+)?(?:noexcept|override)\b", "noexcept", "override"),
)
GLSL = (
    "glsl",
    r"^[ \t]*(?:#[ \t]*version[ \t]+\d\d\d|#[ \t]*extension[ \t]+GL_|precision[ \t]+(?:low|medium|high)p\b"
    r"|(?:uniform|varying|attribute|in|out|layout[ \t]*\([^)\n]*\)[ \t]*\w+)[ \t]+(?:(?:low|medium|high)p[ \t]+)?(?:float|u?int|bool|[biu]?vec[234]|mat[234]|sampler\w+|samplerCube)\b"
    r"|(?:vec[234]|mat[234])[ \t]+\w+[ \t]*[(=;])|\bgl_(?:Frag|Pos|Vert|Multi|ModelView)\w+",
)
FORTH = (
    "forth",
    r"^[ \t]*(?::[ \t]+\S+|\\[ \t]|(?:variable|create|constant|include|require|vocabulary|also)[ \t]+\S+[ \t]*$)|(?:^|[ \t])\([ \t][^)\n]*--[^)\n]*\)|^[ \t]*\([ \t][^)\n]*\)[ \t]*$",
)
FORTRAN = (
    "fortran",
    r"^(?:[cC*!](?:[ \t*=.\-$!]|$)|[ \t]{5,}(?i:program|(?:\w+[ \t]+)?function|subroutine|block[ \t]*data|integer|real|double[ \t]+precision|implicit|dimension|common|parameter|character|logical|complex|data)\b)"
    r"|(?i:^[ \t]*(?:end[ \t]+(?:program|subroutine|function|module)|subroutine[ \t]+\w+|implicit[ \t]+none|use[ \t]+\w+[ \t]*(?:,|$)))",
)
PROLOG = (
    "prolog",
    r"^[ \t]*:-[ \t]*\w|^[a-z]\w*(?:\([^\n]*\))?[ \t]*(?::-|-->)[ \t]*(?:%|$|[a-z!\\(\[{A-Z])",
)
PERL = (
    "perl",
    r"^[ \t]*(?:use[ \t]+(?:strict|warnings|lib|vars|utf8|constant|parent|base|v?5|[A-Z]\w*(?:::\w+)+|[A-Z]\w+[ \t]+(?:qw|['\"(]))|require[ \t]+['\"\w]|package[ \t]+[\w:]+[ \t]*;"
    r"|(?:my|our|local)[ \t]*[($@%]|sub[ \t]+\w+[ \t]*(?:\{|$|\([$@%&\\;*_]*\))|=(?:head\d|pod|cut|over)\b|[$@%]\w+[ \t]*=|BEGIN[ \t]*\{|(?:print|printf|die|push|shift|unless|foreach)\b[^\n]*[$@%\"'])",
)
RAKU_ALONE = (
    "raku",
    r"^[ \t]*(?:use[ \t]+(?:v6|nqp\b|MONKEY)|unit[ \t]+(?:class|module|role|grammar|sub)\b|multi[ \t]+(?:sub|method)\b|has[ \t]+(?:[A-Z]\w*[ \t]+)?[$@%&][.!]"
    r"|(?:my[ \t]+|our[ \t]+)?(?:class|role|grammar)[ \t]+[A-Z][\w:'-]*(?:[ \t]+(?:is|does)[ \t]+[\w:]+)*[ \t]*\{[ \t]*$)",
)
RAKU = (
    "raku",
    r"^[ \t]*(?:use[ \t]+(?:v6|Test[ \t]*;|nqp\b|MONKEY|lib[ \t]+\$\?)|(?:unit[ \t]+|my[ \t]+|our[ \t]+)?(?:class|role|grammar|module)[ \t]+[\w:'-]+[^;\n]*[{;]"
    r"|(?:unit|multi|proto|only|submethod|token|rule|regex|subset)[ \t]+\w|has[ \t]+[\w:\[\]]*[ \t]*[$@%&][.!]|method[ \t]+[\w:!^-]+|#`[\[({]|=begin[ \t]+(?:pod|comment)"
    r"|(?:plan|skip-rest|subtest|throws-like|is-deeply|lives-ok|dies-ok|eval-lives-ok)[ \t]+[\d'\"{*])",
)
M68K = (
    "motorola 68k assembly",
    # A size after the mnemonic and a register d0 to a7: RISC-V has such registers, ARM such sizes, nobody else both.
    r"(?i)^(?:\w+:?)?[ \t]+(?:(?:move[aqmp]?|add[aiqx]?|sub[aiqx]?|cmp[aim]?|clr|tst|andi?|ori?|eori?|not|neg|ext|as[lr]|ls[lr]|ro[lr]|btst|bset|bclr|muls|mulu)\.[bwls][ \t][^\n;]*(?<![\w$])[ad][0-7]\b"
    r"|moveq[ \t]+#|dbra?[ \t]+d[0-7]|movem\.|lea[ \t]+[^\n,;]*,[ \t]*a[0-7]\b)",
)
GAS = (
    "unix assembly",
    r"^[ \t]*(?:[\w.$]+:[ \t]*)?\.(?:globl?|text|data|bss|section|type|size|p2?align|balign|file|ent|syntax|arch|cpu|fpu|intel_syntax|att_syntax|macro|set|equ|thumb\w*|arm|altmacro|hidden|weak|long|word|quad|ascii[z]?|string|option|previous|cfi_\w+|code\d*|comm|lcomm|rept|org|include)\b",
)
CA65 = (
    "assembly",
    r"(?i)^[ \t]*\.(?:segment|proc|export(?:zp)?|import(?:zp)?|globalzp|setcpu|feature|constructor|model)\b",
)
NASM = (
    "assembly",
    r"(?i)^[ \t]*(?:%(?:define|macro|include|ifn?def|ifidn|if|assign|rep|pragma)\b|section[ \t]+\.|segment[ \t]+\S|bits[ \t]+\d\d|org[ \t]+\S|global[ \t]+\w+|extern[ \t]+\w+|cpu[ \t]+\w+|\w+[ \t]+(?:proc|equ|db|dw|dd)[ \t])",
)
INSTRUCTION = (
    "assembly",
    r"(?i)^(?:[.\w$@]+:?)?[ \t]+(?:mov|push|pop|call|jmp|jsr|lda|sta|ldx|ldy|int|ret|xor|add|sub|cmp|inc|dec|ld|st|db|dw|dd|equ)\b[ \t]*[^\s=(][^\n=]*$|^;",
)
LISP = r"(?i)^[ \t]*\((?:defun|defmacro|in-package|defvar|defparameter|defclass|defpackage|defgeneric|defmethod|defconstant|defstruct|eval-when|declaim|proclaim|setq|setf|cl:|format[ \t]+t|require|provide|let\*?|export)\b"
_QUICKBASIC = (
    "quickbasic",
    r"^[ \t]*(?:DECLARE (?:SUB|FUNCTION)|DEF(?:INT|SNG|DBL|STR) |DIM SHARED|CLS\b|REM \$|'\$(?:INCLUDE|DYNAMIC|STATIC)|\$CONSOLE|_(?:TITLE|LIMIT|DISPLAY))",
)
_FREEBASIC = (
    "freebasic",
    r"(?i)^[ \t]*(?:#(?:include|inclib|define|ifn?def|pragma)\b|(?:dim|var)[ \t]+(?:shared[ \t]+)?(?:as[ \t]+\w|\w+[ \t]*=)|(?:extern|namespace)[ \t]+\"?\w|type[ \t]+\w+[ \t]+extends|declare (?:sub|function) \w+ (?:cdecl|naked))",
)
_VB6 = (
    "visual basic 6.0",
    r"^(?:VERSION [\d.]+$|[ \t]+(?:Persistable|DataBindingBehavior|MTSTransactionMode)[ \t]*=|Begin VB\.|Object[ \t]*=[ \t]*\"\{)",
)
_VBA = (
    "vba",
    r"^(?:VERSION [\d.]+|Attribute VB_\w+|[ \t]*(?:(?:Public|Private|Friend)[ \t]+(?:Declare PtrSafe )?(?:Sub|Function)|Property (?:Get|Let|Set)) \w+\(|Option (?:Explicit|Compare|Private Module|Base)|[ \t]*Dim \w+ As (?:Range|Worksheet|Workbook|Object|Variant|Long|String|Integer)\b)",
)
_JS = ("javascript", r"^[ \t]*(?:function\b|var[ \t]|const[ \t]|let[ \t]|//|/\*|import[ \t]|export[ \t])")

TABLE: dict[str, Row] = {
    # C's headers have none of the others' keywords; a guard `extern "C"` alone says nothing.
    ".h": row("c", "a header without a sign of C++ or Objective-C", OBJECTIVE_C, *CPP),
    ".hh": row("cpp", "Hack says so in its first line", ("hack", r"\A\s*(?:#![^\n]*\n\s*)?<\?hh")),
    ".php": row("php", "Hack says so in its first line", ("hack", r"\A\s*(?:#![^\n]*\n\s*)?<\?hh")),
    ".cp": row("cpp", "Component Pascal is rare", ("component pascal", r"^[ \t]*MODULE[ \t]+\w+;")),
    ".re": row(
        "reason", "re2c is C with blocks in it",
        ("cpp", r"/\*!(?:re2c|max|ignore|types|stags|header|include|use|local|rules|conditions|getstate|mtags|maxnmatch)|/\*!\w+:re2c|%\{|^[ \t]*#[ \t]*(?:include|define|ifn?def)\b|^[ \t]*(?:re2c:|static|int|void)[ \t:]"),
    ),
    # Seven languages. Directives and headings first; a line of comment in MATLAB's way (after Mercury, which has % too);
    # then bodies: words between : and ; (MUF), one-letter commands (M), messages in brackets (Objective-C).
    ".m": row(
        "matlab", "MATLAB and Octave scripts need no keyword at all",
        OBJECTIVE_C,
        ("mercury", r"^:-[ \t]*(?:module|interface|implementation|import_module|pred|func|type|pragma|mode)\b"),
        ("limbo", r"^implement[ \t]+\w+(?:[ \t]*,[ \t]*\w+)*;|^include[ \t]+\"[\w/]+\.m\";|^\w+[ \t]*:[ \t]*module\b"),
        ("wolfram language", r"\A\s*\(\*|^[ \t]*(?:Begin|BeginPackage|Needs|Get|EndPackage|End|Module|Block)\[|^[ \t]*[A-Za-z$]\w*\[[^\]\n]*_[^\]\n]*\][ \t]*:?="),
        ("matlab", r"^(?:##|%%?[ \t]|[ \t]*(?:function[ \t]+(?:\[|\w+[ \t]*(?:[=(]|$))|classdef\b))"),
        ("muf", r"^:[ \t]+[\w?!-]+(?:[ \t]*[\[(][^\n]*)?[ \t]*$(?:\n[^\n]*){1,60}?\n[ \t]*;[ \t]*$"),
        ("m", r"\A%?\w*(?:\([\w,%]*\))?[ \t]*;|^%?\w*(?:\([\w,%]*\))?[ \t]+(?:;[ \t;]*\w|(?:[Ss](?:et)?|[Ww](?:rite)?|[Nn](?:ew)?|[Dd]o?|[Kk](?:ill)?|[Qq](?:uit)?)(?::[^\s]+)?[ \t]+[\w^$%!\"(,@]+(?:[=(,][^;%\n]*)?(?:[ \t]+[\w:]+[ \t]|$))"),
        ("objective-c", r"^[ \t]*[-+][ \t]*\([\w \t*<>]+\)[ \t]*\w+|^[ \t]*#[ \t]*(?:include[ \t]*[<\"]|define[ \t]+\w|ifn?def[ \t])|@\"|\[\[?[A-Z]\w* (?:alloc|new)\b|\[[A-Za-z_]\w* [a-z]\w*:[@\w\[\"(]"),
    ),
    ".pl": row("perl", "far more scripts than Prolog or Raku", RAKU_ALONE, PROLOG, PERL, RAKU, ("prolog", r"^%[ \t%]|^[a-z]\w*\([^\n]*\)\.[ \t]*(?:%|$)")),
    ".pm": row("perl", "Raku's modules are .rakumod by now", ("x pixmap", r"\A\s*/\* XPM|static[ \t]+(?:const[ \t]+)?char[ \t]*\*"), RAKU_ALONE, PERL, RAKU),
    ".t": row(
        "perl", "Perl's tests are the custom",
        RAKU_ALONE,
        ("perl", r"^[ \t]*(?:use[ \t]+(?:strict|warnings|Test::\w+)|BEGIN[ \t]*\{)|\btests[ \t]*=>"),
        ("raku", r"^[ \t]*use[ \t]+Test[ \t]*;"), PERL,
        ("turing", r"^[ \t]*(?:(?:var|const)[ \t]+\w+[^\n]*:=?|(?:proc|procedure|function|fcn)[ \t]+\w+|put[ \t]+\"|get[ \t]+\w+|end[ \t]+(?:for|loop|if)|View\.)"),
        ("terra", r"^[ \t]*(?:(?:local[ \t]+)?terra[ \t]+[\w.:]+|(?:local[ \t]+)?struct[ \t]+\w+|local[ \t]+\w+|terralib\.|require[ (])"),
        RAKU,
    ),
    # Rocq's sentences begin with capitals, Verilog's keywords are lower case and its modules end with ; or (, V's do neither.
    ".v": row(
        "verilog", "the oldest and commonest",
        ("rocq prover", r"^[ \t]*(?:(?:Local|Global|Polymorphic|Program|#\[[^\]\n]*\])[ \t]+)?(?:Require|From[ \t]+[\w.]+|Theorem|Lemma|Definition|Proof|Qed|Inductive|Fixpoint|CoInductive|Module|Section|Notation|Variables?|Record|Ltac2?|Hint|Axiom|Parameter|Import|Export|Set[ \t]+[A-Z]\w*|Corollary|Instance|Class|Canonical|Goal|Check|Print|Declare|Structure|Example|Arguments|Abort|Fail|Infix)\b|\A\s*\(\*(?![ \t]*\w+[ \t]*(?:[=,]|\*\)))"),
        ("verilog", r"^[ \t]*(?:`\w+|(?:(?:macro)?module|primitive|interface|package|program|class)[ \t]+[\w\\$]+[^\n]*[(;#]|endmodule|(?:input|output|inout|wire|reg|logic|assign|always|initial|parameter|localparam|integer|genvar|supply[01])\b|\(\*[ \t]*\w+[ \t]*(?:[=,]|\*\)))"),
        ("rocq prover", r"^[ \t]*\(\*(?!\))"),
        ("v", r"^[ \t]*(?:(?:pub[ \t]+)?(?:fn|struct|enum|interface|const)[ \t(]|module[ \t]+\w+[ \t]*$|import[ \t]+[\w.]+[ \t]*$|@\[\w+)"),
        ("verilog", r"^[ \t]*module\b"),
    ),
    ".cls": row(
        "apex", "the rest have headings or backslashes",
        ("tex", r"^[ \t]*\\(?:NeedsTeXFormat|Provides\w+|LoadClass|documentclass|newcommand|def|RequirePackage|ProcessOptions|input|makeatletter|newif|let|DeclareOption|endinput)\b|\A%"),
        ("visual basic 6.0", _VB6[1].replace(r"VERSION [\d.]+$|", "")), _VBA,
        ("objectscript", r"^(?:Class[ \t]+[\w.%]+|Include[ \t]+%|(?:Class)?Method[ \t]+\w+|/// )[^\n]*"),
        ("openedge abl", r"(?i)^[ \t]*(?:using[ \t]+[\w.]+[ \t]+from|class[ \t]+[\w.]+[^\n{]*:[ \t]*$|end[ \t]+class|block-level|routine-level|define[ \t]+(?:public|private|protected|variable))|^using[ \t]+[\w.]+(?:\*)?\.[ \t]*$"),
    ),
    ".r": row("r", "the others have headings", ("rebol", r"(?i)^[ \t]*rebol[ \t]*\["), ("rez", r"^[ \t]*(?:#include[ \t]+[<\"]|(?:resource|data|type|read)[ \t]+'[^'\n]{4}')")),
    # GNU as has dotted directives, Motorola's registers are d0 to a7, ca65 has directives of its own, and NASM and MASM have no dots.
    ".s": row("unix assembly", "what compilers write", M68K, CA65, GAS, NASM, ("unix assembly", r"^[ \t]*#[ \t]*(?:include|define|if)|%[er]?[abcd][xhl]\b|^[ \t]*/\*")),
    ".asm": row("assembly", "any assembler", M68K),
    ".i": row("swig", "interface files have %; the others are assembly", M68K, NASM, INSTRUCTION),
    ".nas": row("assembly", "NASM's", ("nasal", r"^[ \t]*(?:var[ \t]+\w+[ \t]*=|#|\w+[ \t]*=[ \t]*func\b|import\b)")),
    ".ms": row("maxscript", "the rest have dots or `end x`", ROFF, GAS, ("miniscript", r"^[ \t]*(?:\w+[ \t]*=[ \t]*function\b|end[ \t]+(?:function|if|while|for)\b|import[ \t]+\")")),
    # Dialects: each has words the standard lacks.
    ".sql": row(
        "sql", "standard statements",
        ("plpgsql", r"(?i)\blanguage[ \t]+'?(?:plpgsql|c)\b|'MODULE_PATHNAME'|\bAS[ \t]+\$\w*\$|^[ \t]*(?:do[ \t]+\$\w*\$|create[ \t]+extension|\\(?:i|ir|set|echo|unset|pset|quit|o|c|if|endif|gset|t)\b)|\bsecurity[ \t]+definer\b|\$[A-Za-z_]*\$[ \t]*language\b"),
        ("tsql", r"(?i)^[ \t]*(?:go[ \t]*;?$|declare[ \t]+@\w|set[ \t]+@\w|exec(?:ute)?[ \t]+(?:sp_|\[|@)|begin[ \t]+(?:try|tran)|print[ \t]+[@'])|\[dbo\]\.|\bdbo\.\w|\bnvarchar[ \t]*\(|\bidentity[ \t]*\(\d+,|@@\w+"),
        ("plsql", r"(?i)\bcreate[ \t]+or[ \t]+replace[ \t]+(?:(?:non)?editionable[ \t]+)?(?:package|type|and[ \t]+compile|synonym|procedure[^\n$]*\b(?:is|as)[ \t]*$)|\b(?:varchar2|number)[ \t]*\(\d|\bdbms_\w+\.|\bexecute[ \t]+immediate\b|%(?:type|rowtype)\b|^/[ \t]*$|^[ \t]*(?:prompt|whenever[ \t]+sqlerror|set[ \t]+(?:serveroutput|define|echo|verify))\b|\bpls_integer\b|\bsysdate\b"),
        ("sqlpl", r"(?i)^[ \t]*(?:--#SET[ \t]+TERMINATOR|declare[ \t]+(?:continue|exit)[ \t]+handler)|\bmodifies[ \t]+sql[ \t]+data\b|\bsignal[ \t]+sqlstate\b|\bend[ \t]*@"),
    ),
    ".ddl": row("sql", "standard statements", ("plsql", r"(?i)\bvarchar2\b|\bpackage\b|^/[ \t]*$")),
    ".prc": row("sql", "standard statements", ("plsql", r"(?i)\bvarchar2\b|\breplace[ \t]+procedure\b|^/[ \t]*$")),
    ".fs": row(
        "f#", "what is neither a shader nor Forth",
        ("filterscript", r"^[ \t]*#[ \t]*pragma[ \t]+rs\b|\b__attribute__\(\(kernel\)\)"), GLSL,
        ("f#", r"^[ \t]*(?:module[ \t]+(?:\w+[ \t]+)?[\w.`]+|namespace[ \t]+[\w.]+|open[ \t]+[A-Z][\w.]*|let[ \t]+\w|#(?:light|nowarn|if|r)\b|\[<|type[ \t]+\w)"),
        FORTH,
    ),
    ".gs": row("javascript", "Google's scripts", GLSL, ("gosu", r"^[ \t]*(?:uses[ \t]+[\w.*]+[ \t]*$|(?:override[ \t]+|private[ \t]+|static[ \t]+)*(?:function|property[ \t]+get)[ \t]+\w+[^\n]*\)[ \t]*:[ \t]*\w|package[ \t]+[\w.]+[ \t]*$)"), ("genie", r"^(?:\[indent[ \t]*=|init[ \t]*$|uses[ \t]*$|(?:def|class|struct|namespace|enum)[ \t]+\w+[^{;\n]*$)")),
    ".frag": row("glsl", "fragment shaders", ("javascript", r"^[ \t]*(?:function[ \t]+\w*\(|var[ \t]|\(function\b|\}\)?\(|let[ \t])")),
    ".shader": row("glsl", "plain shaders", ("shaderlab", r"^[ \t]*(?:Shader[ \t]+\"|CGPROGRAM|SubShader\b)")),
    ".fx": row("hlsl", "effects", ("flux", r"^[ \t]*(?:typedef[ \t]+\w+[ \t]*\{|\w+[ \t]*=>|source[ \t]|atomic[ \t])")),
    ".d": row(
        "d", "modules are D's",
        ("makefile", r"^[^\s:#][^:\n]*\.(?:o|lo|obj|d|ko|so)\b[^:\n]*:(?:[ \t\\]|$)"),
        ("dtrace", r"^[ \t]*(?:provider[ \t]+\w+|#pragma[ \t]+D[ \t]|(?:\w*:){2,3}[\w-]*[ \t,]*$|BEGIN[ \t]*$|(?:probe|translator|inline[ \t]+\w+)[ \t]+\w+[^;\n]*)|^#pragma[ \t]+D\b|^[\w$*]+:[\w$*.]*:[\w$*.-]*:[\w$*-]*"),
    ),
    ".ts": row("typescript", "Qt's translations are XML", XML),
    ".tsx": row("tsx", "Tiled's tile sets are XML", ("xml", r"\A\s*<(?:\?xml|tileset)")),
    ".rs": row("rust", "RenderScript has pragmas", ("renderscript", r"^[ \t]*#[ \t]*pragma[ \t]+(?:version|rs)\b"), XML),
    # A piece of anything: first what cannot be mistaken, last what is only a guess.
    ".inc": row(
        "cpp", "PHP cannot hide, its tag must come; tables of C and C++ are the commonest rest",
        ("php", r"<\?(?:php|=|[ \t\r\n])"), ("html", r"\A\s*<[a-z!]"),
        ("pov-ray sdl", r"^[ \t]*#[ \t]*(?:declare|local|version[ \t]+\d|macro[ \t]+\w+[ \t]*\()|^[ \t]*(?:texture|pigment|finish|camera|light_source|union|sphere)[ \t]*\{"),
        ("sourcepawn", r"^[ \t]*(?:#include[ \t]+<(?:sourcemod|sdktools|core|clientprefs|adt)\w*>|#pragma[ \t]+(?:newdecls|semicolon)|methodmap\b|enum[ \t]+struct\b|(?:stock|native|forward)[ \t]+(?:bool|int|void|float|Handle|any|Action)\b[ :]|public[ \t]+(?:Extension|SharedPlugin|Plugin)\b)"),
        ("pawn", r"^[ \t]*(?:#(?:tryinclude|if[ \t]+defined[ \t]+_\w+_included|endinput)|(?:stock|native|forward)[ \t]+(?:\w+:)?\w+\()"),
        NASM, CA65, ("assembly", r"^\w+[ \t]*:?=[ \t]*[$%][0-9A-Fa-f]+|^[ \t]*\.(?:ifn?def|ifndef|struct|include|global|globalzp)\b[^\n]*$"), M68K,
        ("cpp", r"^[ \t]*#[ \t]*(?:include|if|ifn?def|define|undef|pragma|error)\b"),
        ("pascal", r"(?i)\{\$\w+|^[ \t]*(?:(?:procedure|function|constructor|destructor)[ \t]+\w[^\n]*;|(?:uses|const|type|var|begin|implementation|interface|resourcestring)[ \t]*$|end[;.]|\(\*[ \t]|(?:SetTranslation|Result)\b[^\n]*;)|^[^\n;]*:=|\A\s*\{|^[ \t]*\{\w+\}[ \t]*[\w']"),
        ("bitbake", r"^(?:(?:SRC_URI|DEPENDS|RDEPENDS\S*|PN|PV|LICENSE|SUMMARY|DESCRIPTION|EXTRA_OE\w+|IMAGE_\w+|PACKAGE\w*|FILES[_:]\S*|FILES|MACHINE\w*|DISTRO\w*)[ \t]*[?+:.]*=|inherit[ \t]+\w+|do_\w+[ \t]*\([ \t]*\)|require[ \t]+\S+\.inc)"),
        ("nasl", r"^[ \t]*(?:include[ \t]*\(\"|script_\w+\(|if[ \t]*\(description\))"),
        ("sql", r"(?i)^[ \t]*(?:(?:select|insert|create|drop|alter|set|show)[ \t]+[^\n=]*;|--[ \t])[^\n]*"),
        FORTRAN, GAS,
        ("cpp", r"^[ \t]*(?:/\*|//|(?:static|const|extern|struct|namespace|template|enum)[ \t]|[\w:]+\([^\n]*\)[ \t]*[;,{]?[ \t]*\\?$)"), INSTRUCTION,
        ("makefile", r"^[A-Za-z_][\w.-]*[ \t]*(?:[:+?]?=|:[ \t])|^\.(?:PHONY|if|include)\b"),
    ),
    ".cs": row("csharp", "Smalltalk's chunks end with !", ("smalltalk", r"^![\w ]+methodsFor:|^![\w .]+methodsFor$|^'From[ \t][^\n]*'!")),
    ".cl": row("opencl", "kernels", ("common lisp", LISP + r"|^;"), ("cool", r"^[ \t]*class[ \t]+\w+(?:[ \t]+inherits[ \t]+\w+)?[ \t]*\{")),
    ".lsp": row("common lisp", "the older one", ("newlisp", r"^[ \t]*\((?:context|define(?:-macro)?[ \t]*\(|set[ \t]+'|constant[ \t]+'|println|module[ \t]+\"|define-macro)|^;;?[ \t]*@(?:module|syntax|description|example|param)\b|^#!.*newlisp"), ("common lisp", LISP)),
    ".lisp": row("common lisp", "the commoner one", ("common lisp", LISP), ("newlisp", r"^[ \t]*\((?:context[ \t]|define(?:-macro)?[ \t]*\(|set[ \t]+'|constant[ \t]+'|println)")),
    ".l": row("lex", "scanners have %%", ("lex", r"^%(?:%|\{|option\b|[xs][ \t])"), ROFF, ("picolisp", r"^[ \t]*\((?:de|class|rel|dm|must|allow|symbols|load|private|local|extend|redef|patch|test)\b|^#(?:[ \t]|$)|^[ \t]*(?:\(setq[ \t]+)?\*[A-Z]\w*[ \t][^*\n]*$|^#!.*(?:picolisp|pil)\b"), ("common lisp", LISP)),
    ".as": row(
        "actionscript", "Flash's",
        ("actionscript", r"^[ \t]*(?:package\b|import[ \t]+[\w.*]+[ \t]*;|(?:public|private|internal|protected|static|override|dynamic|final|intrinsic)[ \t][^\n]*\b(?:function|var|class|const)[ \t]|trace[ \t]*\()|\b(?:var|function)[ \t]+\w+[^\n;]*:[ \t]*\w+"),
        ("angelscript", r"^[ \t]*(?:shared|mixin|funcdef|external|(?:const[ \t]+)?[\w:]+(?:<[\w@<> ]+>|\[\])?[ \t]*[@&]?[ \t]+@?\w+[ \t]*[({=;]|#include[ \t]+\"|interface[ \t]+\w+|class[ \t]+\w+)|\b(?:array|dictionary)<|@\w+[ \t]*=|&(?:in|out|inout)\b|\b\w+@[ \t]"),
    ),
    ".b": row(None, "bc and others use it too", ("limbo", r"^implement[ \t]+\w+;|^include[ \t]+\"[\w/]+\.m\";"), ("brainfuck", r"[-+<>.,\[\]]{8}"), ("b", r"^[ \t]*extrn[ \t]+\w|^[a-z]\w*\([^)\n]*\)[ \t]*\{?$")),
    ".bf": row("brainfuck", "eight signs", ("beef", r"^[ \t]*(?:using[ \t]+[\w.]+;|namespace[ \t]+[\w.]+;|(?:public|private|internal|static)[ \t]+(?:class|struct|void|static)\b)"), ("hyphy", r"(?i)^[ \t]*(?:#include|fprintf|fscanf|(?:lf)?function[ \t]+\w|ffunction|namespace\b|LoadFunctionLibrary|ExecuteAFile|RequireVersion|DataSet\w*|LikelihoodFunction\w*|global[ \t]|for[ \t]*\(|if[ \t]*\(|\w+[ \t]*=[ \t]*[\w\"{(][^\n]*;?[ \t]*$|[\w.]+[ \t]*:?=)"), ("befunge", r"[0-9\"_|#v^][ \t]*@|^[ \t]*[>v][ \t]*[0-9\":]")),
    ".bas": row(
        "basic", "numbered or plain lines",
        ("b4x", r"\A\W{0,3}(?:B4[AJRi]=|Group=|ModulesStructureVersion=|Build1=)"), ("visual basic 6.0", _VB6[1] + r"|^[ \t]*(?:MsgBox|App\.|Screen\.|Load [A-Z])"), _VBA, _FREEBASIC, _QUICKBASIC,
    ),
    ".bi": row("freebasic", "headers of FreeBASIC are the more frequent", _QUICKBASIC, _FREEBASIC),
    ".frm": row("visual basic 6.0", "forms", ("vba", r"^Begin \{[0-9A-F-]{36}\}"), ("visual basic 6.0", r"^(?:VERSION|Begin)\b"), ("ini", r"^\[[^\]\n]+\][ \t]*$")),
    ".vba": row("vba", "its own", ("vim script", r"\A\"|^UseVimball|^finish$")),
    ".bb": row("bitbake", "recipes assign", ("clojure", r"^[ \t]*\((?:ns|require|defn|def|println|let)\b|^#!.*\bbb\b"), ("blitzbasic", r"(?i)^[ \t]*(?:;|graphics(?:3d)?[ \t]|function[ \t]+\w+[$#%.]?\w*\(|local[ \t]|global[ \t]|while[ \t]|end[ \t]+(?:function|if)|include[ \t]+\")"), ("bitbake", r"^[ \t]*(?:\w[\w${}:-]*[ \t]*[?+.:]*=|inherit\b|do_\w+)")),
    ".bs": row("brighterscript", "Roku's", ("bikeshed", r"(?i)\A\s*(?:<!--[\s\S]{0,2000}?-->\s*)?<(?:pre|h1|!doctype)"), ("bluespec bh", r"^(?:package|import)[ \t]+\w[^\n]*(?:where)?[ \t]*$|^\w+[ \t]*::[ \t]")),
    ".cairo": row("cairo", "the current one", ("cairo zero", r"^[ \t]*(?:%(?:lang|builtins)\b|from[ \t]+[\w.]+[ \t]+import|func[ \t]+\w+|@(?:view|external|constructor)[ \t]*$[\s\S]{0,80}^func\b)")),
    ".cake": row("coffeescript", "tasks without braces", ("csharp", r"^[ \t]*(?:#(?:addin|tool|load|l|r)\b|var[ \t]+\w+[ \t]*=|Task\(|using[ \t]+[\w.]+;|///|//)")),
    # By what runs them; without a shebang only the look is left.
    ".cgi": row("perl", "the web's first language", ("python", r"^(?:import|from)[ \t]+\w+|^def[ \t]+\w+\("), ("shell", r"^[ \t]*(?:echo|export|if[ \t]+\[)[ \t]")),
    ".fcgi": row("perl", "as .cgi", ("php", r"<\?php"), ("ruby", r"^require[ \t]+['\"]|^[ \t]*end[ \t]*$"), ("python", r"^(?:import|from)[ \t]+\w+"), ("lua", r"^local[ \t]+\w+[ \t]*="), ("shell", r"^[ \t]*(?:exec|export)[ \t]")),
    ".ch": row("xbase", "its preprocessor's files", ("charity", r"^[ \t]*(?:data|codata|def)[ \t]+\w+[^\n]*(?:->|=)")),
    ".csl": row("kusto", "queries", XML),
    ".es": row("javascript", "ECMAScript", ("erlang", r"^[ \t]*(?:-module\(|%%?!?|main\()"), _JS),
    ".ex": row("elixir", "Euphoria is rare", ("elixir", r"^[ \t]*(?:defmodule|defp?|defmacro|defimpl|defprotocol|@(?:moduledoc|doc|spec)|alias[ \t]+[A-Z]|import[ \t]+[A-Z]|use[ \t]+[A-Z]|IO\.)\b"), ("euphoria", r"^[ \t]*(?:(?:global[ \t]+)?(?:procedure|function|constant|sequence|integer|atom|object)[ \t]+\w+|include[ \t]+[\w/]+\.e\b|end[ \t]+(?:if|for|while|procedure|function)\b|puts\()")),
    ".e": row("eiffel", "classes", ("euphoria", r"^[ \t]*(?:(?:global|public|export)[ \t]+)?(?:procedure|function|type|constant|include|sequence|atom)[ \t]+[\w.]+(?:[ \t]*\(|[ \t]*=|[ \t]*$)|^[ \t]*end[ \t]+(?:if|for|while|function|procedure)\b"), ("eiffel", r"^[ \t]*(?:class(?:[ \t]+[A-Z_]+)?|feature|inherit|note|indexing|deferred|create|expanded)\b"), ("e", r"^[ \t]*(?:def|pragma|rune|when|to|method|interface|var)\b[^\n]*(?::=|\{|\()")),
    ".ecl": row("ecl", "HPCC's", ("eclipse", r"^[ \t]*:-[ \t]|^[a-z]\w*\([^\n]*\)[ \t]*:-|^%")),
    ".f": row("fortran", "fixed form", ("fortran", FORTRAN[1]), ("filebench wml", r"^[ \t]*(?:define|set)[ \t]+(?:fileset|file|process|flowop|\$\w+=|mode)\b|^[ \t]*flowop[ \t]"), FORTH),
    ".for": row("fortran", "fixed form", FORTRAN, ("formatted", r"\A(?:[ \t]*[-+]?\d[\d.eEdD+-]*[ \t]*\n?){6}"), FORTH),
    ".fpp": row("fortran", "preprocessed Fortran", ("fpp", r"^[ \t]*(?:(?:active|passive|queued)[ \t]+component|module[ \t]+\w+[ \t]*\{|instance[ \t]+\w+:|topology[ \t])")),
    ".fr": row("text", "words of French", FORTH, ("frege", r"^(?:module|import|package|data|instance)[ \t]+[\w.]+|^[a-z]\w*[ \t]*::")),
    ".g": row("gap", "assignments with :=", ("g-code", r"^(?:N\d+[ \t]*)?[GMT]\d+(?:\.\d+)?(?:[ \t]*[XYZFESIJ][-+]?[\d.]+)*[ \t]*(?:[;(][^\n]*)?$|^[;(][^\n]*")),
    ".gd": row("gdscript", "Godot's", ("gap", r"^[ \t]*(?:#[A-Z#]|Declare\w+[ \t]*\(|Bind\w+\(|InstallTrueMethod|\w+[ \t]*:=)")),
    ".al": row("perl", "chunks of its AutoLoader", ("al", r"(?i)^[ \t]*(?:codeunit|page|pageextension|table|tableextension|report|enum|query|xmlport|interface|permissionset)[ \t]+(?:\d+[ \t]+)?[\"A-Z][^\n]*$|^namespace[ \t]+[\w.]+;")),
    ".ash": row("ags script", "headers of a game", ("kolmafia ash", r"^[ \t]*(?:script[ \t]+\"|notify[ \t]|since[ \t]+r?\d|void[ \t]+main\(|(?:boolean|string|int)[ \t]+\w+[ \t]*\[)")),
    ".dsp": row("faust", "signal processing", ("microsoft developer studio project", r"\A# Microsoft (?:eMbedded )?(?:Developer Studio|Visual)|^# TARGTYPE")),
    ".j": row("jass", "Warcraft's", ("jasmin", r"^[ \t]*\.(?:class|method|super|source|limit|interface|field|bytecode)\b"), ("objective-j", r"^[ \t]*@(?:import|implementation|class|end)\b|\bobjj_")),
    ".jq": row("jq", "filters", ("jsoniq", r"^[ \t]*(?:jsoniq[ \t]+version|(?:import[ \t]+)?module[ \t]+namespace|declare[ \t]+(?:function|variable)|let[ \t]+\$\w+[ \t]*:=|for[ \t]+\$)|\(:")),
    ".k": row("kcl", "configuration", ("kframework", r"^[ \t]*(?:module[ \t]+[A-Z][\w-]*|requires[ \t]+\"|endmodule|syntax[ \t]+[A-Z]\w*|imports[ \t]+[A-Z])")),
    ".lean": row("lean 4", "the current one", ("lean", r"^import(?:[ \t]+[a-z_][\w.]*)+[ \t]*$|^[ \t]*(?:begin|end)[ \t]*$|^[ \t]*(?:theorem|lemma)[^\n]*:=[ \t]*begin|^open_locale\b")),
    ".ls": row("livescript", "the compiler to JavaScript", ("loomscript", r"^[ \t]*package[ \t]*(?:[\w.]+[ \t]*)?\{?[ \t]*$")),
    ".mo": row("modelica", "models", ("motoko", r"^[ \t]*(?:actor\b|import[ \t]+\w+[ \t]+\"|module[ \t]*\{|(?:public|shared)[ \t]|let[ \t]|persistent[ \t]+actor)")),
    ".mod": row(
        None, "other programs call their modules so", XML,
        ("modula-2", r"^[ \t]*(?:(?:DEFINITION|IMPLEMENTATION)[ \t]+)?MODULE[ \t]+\w+|^[ \t]*(?:PROCEDURE|FROM[ \t]+\w+[ \t]+IMPORT)\b"),
        ("nmodl", r"^[ \t]*(?:NEURON|TITLE|UNITS|PARAMETER|STATE|BREAKPOINT|ASSIGNED|VERBATIM|INDEPENDENT|COMMENT|DERIVATIVE)\b"),
        ("linux kernel module", r"\A(?:[\w./-]+\.(?:ko|o)\s*)+"),
        ("ampl", r"^[ \t]*(?:(?:param|var|set)[ \t]+\w+[^\n;]*(?:[;{:=,]|$)|(?:minimi[sz]e|maximi[sz]e|subject[ \t]+to)\b[^\n]*|s\.t\.|(?:data|solve|end)[ \t]*;)"),
    ),
    ".mojo": row("mojo", "the language", XML),
    ".moo": row("moocode", "MOO's verbs", ("mercury", r"^:-[ \t]")),
    ".ml": row("ocaml", "the commoner dialect", ("standard ml", r"^[ \t]*(?:(?:structure|functor)[ \t]+[A-Z]\w*[ \t]*(?:[:=(]|$)|signature[ \t]+\w+[ \t]*=|datatype[ \t]|fun[ \t]+(?:\([^\n)]*\)|[\w']+)[^\n>]*=|abstype\b|open[ \t]+\w+;|exception[ \t]+\w+[^\n]*;|infixr?[ \t]+\d|(?:PolyML|use)[. ]+\")|^local[ \t]*$|^val[ \t]+(?!mutable\b|virtual\b)[^:\n=]+=|\bfn[ \t]+[\w(][^\n]{0,80}=>")),
    ".mqh": row("mql5", "the newer version", ("mql4", r"(?i)#property[ \t]+strict\b|mql4|\bOrderSend[ \t]*\(\s*Symbol")),
    ".n": row("roff", "manuals of Tcl", ROFF, ("nemerle", r"^[ \t]*(?:using|module|namespace|class|def|mutable|macro|variant)[ \t]")),
    ".nu": row("nushell", "the shell", ("nu", r"^\(|^;+[ \t]|^#!.*\bnush\b")),
    ".odin": row("odin", "the language", ("object data instance notation", r"^[ \t]*(?:\w+[ \t]*=[ \t]*)?(?:\([\w<>, ]+\)[ \t]*)?<[ \t]*$|^[ \t]*\w+[ \t]*=[ \t]*<")),
    ".p": row("openedge abl", "the rest are plots", ("gnuplot", r"^[ \t]*(?:set[ \t]+(?:term\w*|output|[xyz]?label|[xyz]range|title|key|style|grid|logscale)|s?plot|reset|unset)\b"), ("openedge abl", r"(?i)^[ \t]*(?:define|def|find|for[ \t]+each|procedure|end)\b")),
    ".plt": row("gnuplot", "plots", ("prolog", r"^:-[ \t]*\w|^[a-z]\w*(?:\([^\n]*\))?[ \t]*:-")),
    ".pp": row("puppet", "manifests", ("puppet", r"^[ \t]*(?:type[ \t]+\w+::|(?:class|define|function)[ \t]+(?:::)?\w+(?:::\w+)*[ \t]*(?:[({]|inherits\b)|node[ \t]+['\"\w]|include[ \t]+(?:::)?\w+::)"), ("pascal", r"(?i)\{\$\w+|^[ \t]*(?:unit|program|uses|interface|implementation|procedure|begin|end\.|var|const|type)(?:[ \t;]|$)")),
    ".pro": row(
        "qmake", "assignments to capitals",
        ("proguard", r"^-(?:keep|dont|assume|repackage|optimization|printmapping|include|renamesourcefile|allowaccess|verbose|libraryjars|injars|flatten)\w*"),
        ("qmake", r"^[ \t]*(?:TEMPLATE|TARGET|SOURCES|HEADERS|CONFIG|QT|SUBDIRS|INCLUDEPATH|LIBS|DEFINES|RESOURCES|FORMS|TRANSLATIONS|DESTDIR)\b[ \t]*[-+*~]?=|^[ \t]*(?:!?include|load|requires)[ \t]*\(\w|^[\w!:|.]+[ \t]*\{[ \t]*$"),
        ("idl", r"(?i)^[ \t]*(?:pro[ \t]+[\w:]+|function[ \t]+[\w:]+[ \t]*(?:,|$)|compile_opt\b|end(?:if|for|else|while|case|rep)?[ \t]*(?:;|$)|;)"),
        ("c", r"^(?:extern|static|int|void|char(?:_u)?|long|[a-z]\w*_T|struct[ \t]+\w+)[ \t*]+\w+[ \t]*\([^\n]*\)[ \t]*;[ \t]*$|\A/\*[ \t]*[\w/]+\.[ch]"),
        PROLOG, ("ini", r"^\[[^\]\n]+\]"), ("prolog", r"^%|^[a-z]\w*\([^\n]*\)\.[ \t]*$"),
    ),
    ".q": row("q", "kdb+'s", ("hiveql", r"(?i)^[ \t]*(?:select\b.*\bfrom|set[ \t]+hive\.|(?:create|drop|alter|describe)[ \t]+(?:external[ \t]+)?(?:table|view|database)|insert[ \t]+(?:overwrite|into)|explain\b|--)")),
    ".qs": row("q#", "the language", ("qt script", r"^[ \t]*(?:function\b|var[ \t]|Component\b|Controller\b)"), ("q#", r"^[ \t]*(?:namespace|operation|open)\b")),
    ".rpy": row("ren'py", "visual novels", ("python", r"^(?:from[ \t]+[\w.]+[ \t]+import|import[ \t]+\w+|def[ \t]+\w+\(|class[ \t]+\w+|resource[ \t]*=)")),
    ".res": row("rescript", "the language", ("xml", r"\A\s*<(?:\?xml|[A-Za-z]+[ >])[^=]*(?:xmlns|version|Language|>\s*<[a-z]+>)")),
    ".reds": row("red", "Red/System", ("redscript", r"^[ \t]*(?:public|private|protected|native|module|import|@\w+|func|class|enum|///?)\b")),
    ".rsc": row("routeros script", "a router's lines", ("rascal", r"^[ \t]*(?:module|import|extend)[ \t]+[\w:]+|^@\w+")),
    ".sc": row("supercollider", "classes and messages", ("scala", r"^[ \t]*(?:import[ \t]+[\w.$`{]+|package[ \t]+\w|(?:case[ \t]+|sealed[ \t]+|implicit[ \t]+)*(?:object|trait)[ \t]+\w|(?:case[ \t]+)?class[ \t]+\w|(?:override[ \t]+)?(?:def|val)[ \t]+\w|@main)")),
    ".sls": row("scheme", "libraries of R6RS", ("salt", r"^(?:[\w{./-][^\n(]*:[ \t]*$|\{%|include:|#!)|^[ \t]+- \w")),
    ".spec": row("ruby", "tests of Ruby", ("rpm spec", r"^(?:Name|Version|Release|Summary|License|%(?:define|global|description|prep|package|if|build|files))\b"), ("python", r"^(?:[ \t]*a[ \t]*=[ \t]*Analysis\(|# -\*- mode: python|import[ \t]|block_cipher|from[ \t])")),
    ".tst": row("scilab", "tests of Scilab", ("gap", r"^gap>|^#|START_TEST")),
    ".sw": row("sway", "the language", XML),
    ".tact": row("tact", "the language", JSON),
    ".trigger": row("apex", "triggers on objects", ("shell", r"\A#!|^[ \t]*(?:echo|fi|done|esac|export)\b")),
    ".uc": row("unrealscript", "classes", ("ucode", r"^[ \t]*(?:['\"]use strict['\"]|import[ \t]|export[ \t]|let[ \t]+\w|const[ \t]+\w+[ \t]*=|print[ \t]*\(|\{%)")),
    ".w": row("cweb", "webs have @", ("openedge abl", r"(?i)&(?:analyze-suspend|scoped-define)|^[ \t]*(?:def(?:ine)?[ \t]|create[ \t]+widget)")),
    ".x": row(
        "rpc", "declarations",
        ("directx 3d file", r"\Axof[ \t]\d{4}"), ("logos", r"^[ \t]*%(?:hook|end|orig|group|new|c?tor|init|subclass|property)\b"),
        ("linker script", r"^[ \t]*(?:SECTIONS|OUTPUT_FORMAT|OUTPUT_ARCH|ENTRY|MEMORY|PHDRS|PROVIDE|SEARCH_DIR|VERSION)\b[ \t]*[({]?"),
    ),
    ".yy": row("yacc", "grammars of Bison", JSON),
}  # fmt: skip
"""By extension."""

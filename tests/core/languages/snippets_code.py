"""Small programs, each decided by one rule: extension -> (language, content)."""

XML = '<?xml version="1.0"?>\n<a b="c"/>\n'
M68K = "start:\n\tmove.l d0,d1\n\tlea buffer,a0\n\trts\n"
GAS = "\t.text\n\t.globl main\nmain:\n\tret\n"
CA65 = '.segment "CODE"\n.proc main\n  lda #1\n.endproc\n'
NASM = "section .text\nglobal main\nmain:\n  ret\n"
SHADER = "#version 330\nout vec4 color;\nvoid main() { color = vec4(1.0); }\n"
WORDS = ": square ( n -- n2 ) dup * ;\n"
PREDICATES = ":- module(lists, [last/2]).\n\nlast([X], X).\nlast([_|T], X) :- last(T, X).\n"
SUBS = "use strict;\nuse warnings;\nmy $x = 1;\nsub f { return $x }\n"
CLASSES = "unit class Point;\nhas $.x;\nmethod norm() { sqrt $.x }\n"
FIXED = "C     A COMMENT\n      PROGRAM HELLO\n      INTEGER I\n      END\n"
LISP = "(in-package :cl-user)\n\n(defun f (x) (* x x))\n"
NEWLISP = "(context 'A)\n(define (f x) (* x x))\n"
ROFF = '.\\" a comment\n.PP\nText\n'
ORACLE = "CREATE TABLE t (\n  name VARCHAR2(10)\n);\n/\n"
QB = "DECLARE SUB Hello ()\nCLS\nPRINT 1\n"
FB = '#include "fbgfx.bi"\nDim As Integer i\nPrint i\n'
FORM = 'VERSION 5.00\nBegin VB.Form Form1\n   Caption = "A"\nEnd\n'

SNIPPETS: dict[str, list[tuple[str, str]]] = {
    ".h": [
        ("objective-c", "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n"),
        ("cpp", "#pragma once\n\ntemplate <typename T>\nT twice(T value);\n"),
        ("cpp", "int twice(std::size_t value);\n"),
        ("cpp", "struct A { bool operator==(int other); };\n"),
        ("cpp", "#define AS_INT(x) static_cast<int>(x)\n"),
        ("cpp", "int *find(void *all = nullptr);\n"),
        ("cpp", "int twice(const Number &value);\n"),
        ("cpp", "struct A { A() = delete; };\n"),
        ("cpp", "struct A { int f() noexcept; };\n"),
    ],
    ".hh": [("hack", "<?hh // strict\nclass A {}\n")],
    ".php": [("hack", "#!/usr/bin/env hhvm\n<?hh\nfunction f(): int { return 1; }\n")],
    ".cp": [("component pascal", "MODULE Hello;\nIMPORT Log;\nEND Hello.\n")],
    ".re": [("cpp", "int lex(const char *s)\n{\n    /*!re2c\n    [0-9]+ { return 1; }\n    */\n}\n")],
    ".m": [
        ("objective-c", '#import "A.h"\n@implementation A\n@end\n'),
        ("mercury", "% hello\n:- module hello.\n:- interface.\n:- import_module io.\n"),
        ("limbo", 'implement Hello;\ninclude "sys.m";\n'),
        ("wolfram language", 'BeginPackage["A`"]\nf[x_] := x^2\nEndPackage[]\n'),
        ("matlab", "function y = f(x)\n  y = x .^ 2;\nend\n"),
        ("muf", ': main ( -- )\n  "hi" me @ swap notify\n;\n'),
        ("m", "HELLO ; says hello\n\tWRITE \"hi\",!\n\tQUIT\n"),
        ("objective-c", "int main(void) {\n  id a = [[Thing alloc] init];\n  return 0;\n}\n"),
    ],
    ".pl": [
        ("raku", "use v6;\nsay 'hi';\n"), ("prolog", PREDICATES), ("perl", SUBS),
        ("raku", "token word { \\w+ }\nsay 1;\n"), ("prolog", "parent(ann, bob).\nparent(bob, cy).\n"),
    ],
    ".pm": [
        ("x pixmap", '/* XPM */\nstatic char * a[] = {\n"1 1 1 1",\n'), ("raku", CLASSES),
        ("perl", "package A::B;\nuse strict;\n1;\n"), ("raku", "method norm() { 1 }\n"),
    ],
    ".t": [
        ("raku", "multi sub f { 1 }\n"), ("perl", "use Test::More tests => 1;\nok(1);\n"),
        ("raku", "use Test;\nplan 1;\nok True;\n"), ("perl", "ok(1);\nmy $x = 1;\n"),
        ("turing", 'var n : int := 3\nput "n is ", n\nend for\n'),
        ("terra", "local C = terralib.includec('stdio.h')\nterra main() end\n"),
        ("raku", "subtest 'a', {\n  is-deeply 1, 1;\n};\n"),
    ],
    ".v": [
        ("rocq prover", "Require Import List.\nLemma a : True. Proof. exact I. Qed.\n"),
        ("verilog", "module top(input clk, output q);\nassign q = clk;\nendmodule\n"),
        ("rocq prover", "\n  Arbitrary tactics\n(* a remark *)\n"),
        ("v", "module main\n\nfn main() {\n\tprintln('hi')\n}\n"),
        ("verilog", "module\n  top\n"),
    ],
    ".cls": [
        ("tex", "\\NeedsTeXFormat{LaTeX2e}\n\\ProvidesClass{a}\n"),
        ("visual basic 6.0", "VERSION 1.0 CLASS\nBEGIN\n  MultiUse = -1\n  Persistable = 0\nEND\n"),
        ("vba", "VERSION 1.0 CLASS\nBEGIN\n  MultiUse = -1\nEND\nAttribute VB_Name = \"A\"\n"),
        ("objectscript", "Class A.B Extends %Persistent\n{\nProperty X As %String;\n}\n"),
        ("openedge abl", "USING Progress.Lang.Object FROM PROPATH.\nCLASS A.B:\nEND CLASS.\n"),
    ],
    ".r": [
        ("rebol", 'REBOL [Title: "a"]\nprint "hi"\n'),
        ("rez", "#include \"Types.r\"\nresource 'STR ' (128) { \"a\" };\n"),
    ],
    ".s": [
        ("motorola 68k assembly", M68K), ("assembly", CA65), ("unix assembly", GAS), ("assembly", NASM),
        ("unix assembly", "#include <asm.h>\n/* nothing else */\n"),
    ],
    ".asm": [("motorola 68k assembly", M68K)],
    ".i": [("motorola 68k assembly", M68K), ("assembly", NASM), ("assembly", "; constants\n  mov ax, bx\n")],
    ".nas": [("nasal", "var f = func(x) {\n    return x;\n};\n")],
    ".ms": [
        ("roff", ".TL\nA Paper\n.AU\nSomebody\n"), ("unix assembly", GAS.replace("text", "align 4")),
        ("miniscript", "f = function(x)\n  return x\nend function\n"),
    ],
    ".sql": [
        ("plpgsql", "CREATE FUNCTION f() RETURNS int AS $$\nBEGIN RETURN 1; END\n$$ LANGUAGE plpgsql;\n"),
        ("tsql", "DECLARE @n INT;\nSELECT @n = 1;\nGO\n"), ("plsql", ORACLE),
        ("sqlpl", "CREATE PROCEDURE p ()\nMODIFIES SQL DATA\nBEGIN\nEND @\n"),
    ],
    ".ddl": [("plsql", ORACLE)],
    ".prc": [("plsql", "CREATE OR REPLACE PROCEDURE p IS\nBEGIN\n  NULL;\nEND;\n")],
    ".fs": [
        ("filterscript", "#pragma version(1)\n#pragma rs java_package_name(a.b)\n"), ("glsl", SHADER),
        ("f#", 'module Hello\n\nopen System\nlet main _ = printfn "hi"\n'), ("forth", WORDS),
    ],
    ".gs": [
        ("glsl", SHADER), ("gosu", "uses java.util.List\n\nfunction f() : int {\n  return 1\n}\n"),
        ("genie", "[indent=4]\ninit\n    print \"hi\"\n"),
    ],
    ".frag": [("javascript", "(function() {\n  var a = 1;\n")],
    ".shader": [("shaderlab", 'Shader "Custom/A" {\n  SubShader {\n')],
    ".fx": [("flux", "source Listen => Read => Done;\n")],
    ".d": [
        ("makefile", "build/a.o: src/a.c src/a.h \\\n src/b.h\n"),
        ("dtrace", "#pragma D option quiet\nsyscall::read:entry\n{ @n = count(); }\n"),
    ],
    ".ts": [("xml", '<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS version="2.1"/>\n')],
    ".tsx": [("xml", '<?xml version="1.0"?>\n<tileset name="a"/>\n')],
    ".rs": [("renderscript", "#pragma version(1)\nvoid root(const uchar4 *in) {}\n"), ("xml", XML)],
    ".inc": [
        ("php", "<?php\nfunction f() {}\n"), ("html", "<div>\n</div>\n"),
        ("pov-ray sdl", "#declare Red = rgb <1, 0, 0>;\n"),
        ("sourcepawn", "#include <sourcemod>\nnative bool IsIt(int client);\n"),
        ("pawn", "#if defined _a_included\n  #endinput\n#endif\nnative SetIt(id);\n"),
        ("assembly", "%define SIZE 4\n%macro twice 1\n%endmacro\n"), ("assembly", CA65),
        ("assembly", "CHROUT = $FFD2\n"),
        ("motorola 68k assembly", M68K), ("cpp", "#ifndef A_INC\n#define A_INC\nint table[] = {1};\n#endif\n"),
        ("pascal", "procedure Show(const A: string);\nbegin\nend;\n"),
        ("bitbake", 'SRC_URI = "git://example.org/a"\ninherit autotools\n'),
        ("nasl", 'if (description)\n{\n  exit(0);\n}\n'), ("sql", "create table t (a int);\n"),
        ("fortran", FIXED), ("unix assembly", "\t.long 1\n\t.long 2\n"),
        ("cpp", "static const int a[] = { 1, 2 };\n"), ("assembly", "  push ax\n  pop bx\n"),
        ("makefile", "CFLAGS += -O2\nall: a b\n"),
    ],
    ".cs": [("smalltalk", "!Object methodsFor: 'testing'!\nisIt\n\t^ true! !\n")],
    ".cl": [("common lisp", LISP), ("cool", "class Main inherits IO {\n  main() : Object { 0 };\n};\n")],
    ".lsp": [("newlisp", NEWLISP), ("common lisp", LISP)],
    ".lisp": [("common lisp", LISP), ("newlisp", NEWLISP)],
    ".l": [
        ("lex", "%{\n#include <stdio.h>\n%}\n%%\n[0-9]+ { return 1; }\n%%\n"), ("roff", ROFF),
        ("picolisp", "(de square (N)\n   (* N N) )\n"), ("common lisp", LISP),
    ],
    ".as": [
        ("actionscript", "package {\n  public class A {\n    public function f():void {}\n  }\n}\n"),
        ("angelscript", "void main()\n{\n  array<int> a;\n  Obj@ o = null;\n}\n"),
    ],
    ".b": [
        ("limbo", 'implement Hello;\ninclude "sys.m";\n'),
        ("brainfuck", "++++++++[>++++++++<-]>+.\n"), ("b", "main()\n{\n  extrn a;\n  a = 1;\n}\n"),
    ],
    ".bf": [
        ("beef", "using System;\nnamespace Hello;\n"),
        ("hyphy", "LoadFunctionLibrary(\"libv3/all.bf\");\n"), ("befunge", '>  "olleH" >:#,_@\n'),
    ],
    ".bas": [
        ("b4x", "B4A=true\nGroup=Default Group\n"), ("visual basic 6.0", FORM),
        ("vba", 'Attribute VB_Name = "A"\nOption Explicit\n'), ("freebasic", FB), ("quickbasic", QB),
    ],
    ".bi": [("quickbasic", QB), ("freebasic", FB)],
    ".frm": [
        ("vba", "VERSION 5.00\nBegin {C62A69F0-16DC-11CE-9E98-00AA00574A4F} Form1\nEnd\n"),
        ("visual basic 6.0", FORM), ("ini", "[form]\nfield=1\n"),
    ],
    ".vba": [("vim script", '" Vimball Archiver\nUseVimball\nfinish\n')],
    ".bb": [
        ("clojure", "(ns script)\n(defn f [x] x)\n"), ("blitzbasic", "Graphics 640,480\nWhile Not KeyHit(1)\n"),
        ("bitbake", 'SUMMARY = "A"\ninherit cmake\n'),
    ],
    ".bs": [
        ("bikeshed", "<pre class=metadata>\nTitle: A\n</pre>\n"),
        ("bluespec bh", "package Counter where\n\nmkCounter :: Module Empty\n"),
    ],
    ".cairo": [("cairo zero", "%lang starknet\nfrom starkware.cairo.common.math import assert_nn\n")],
    ".cake": [("csharp", '#addin nuget:?package=A\nTask("Default");\n')],
    ".cgi": [("python", "import cgi\nprint('a')\n"), ("shell", "echo Content-type: text/plain\n")],
    ".fcgi": [
        ("php", "<?php echo 1;\n"), ("ruby", "require 'fcgi'\nFCGI.each { }\n"), ("python", "from flup import a\n"),
        ("lua", "local wsapi = 1\n"), ("shell", "exec php-cgi\n"),
    ],
    ".ch": [("charity", "def append = (l, m) -> l\n")],
    ".csl": [("xml", XML)],
    ".es": [("erlang", "%%! -smp\nmain(_) -> ok.\n"), ("javascript", "import a from 'a';\nconst b = 1;\n")],
    ".ex": [
        ("elixir", "defmodule A do\n  def f, do: 1\nend\n"),
        ("euphoria", 'include std/io.e\nprocedure main()\n  puts(1, "hi")\nend procedure\n'),
    ],
    ".e": [
        ("euphoria", "global function f(integer x)\n  return x\nend function\n"),
        ("eiffel", "class\n\tHELLO\ncreate\n\tmake\nfeature\nend\n"), ("e", 'def f(x) {\n  return x\n}\n'),
    ],
    ".ecl": [("eclipse", ":- lib(ic).\nmain :- X #> 1.\n")],
    ".f": [
        ("fortran", FIXED), ("filebench wml", "define fileset name=a,path=/tmp\nset mode quit\n"), ("forth", WORDS),
    ],
    ".for": [("fortran", FIXED), ("formatted", "1.0 2.0\n3.0 4.0\n5.0 6.0\n"), ("forth", WORDS)],
    ".fpp": [("fpp", "module A {\n  active component B {\n  }\n}\n")],
    ".fr": [("forth", WORDS), ("frege", "module Hello where\n\nmain = println 1\n")],
    ".g": [("g-code", "G21\nG90\nG1 X10 Y5 F300\n")],
    ".gd": [("gap", 'DeclareOperation( "f", [ IsObject ] );\n')],
    ".al": [("al", 'table 50100 "Item Kind"\n{\n}\n')],
    ".ash": [("kolmafia ash", 'script "a.ash"\nvoid main() { print("hi"); }\n')],
    ".dsp": [("microsoft developer studio project", "# Microsoft Developer Studio Project File - Name=\"a\"\n")],
    ".j": [
        ("jasmin", ".class public Hello\n.super java/lang/Object\n"),
        ("objective-j", "@import <Foundation/Foundation.j>\n@implementation A : CPObject\n@end\n"),
    ],
    ".jq": [("jsoniq", 'jsoniq version "1.0";\nfor $x in (1) return $x\n')],
    ".k": [("kframework", 'requires "domains.md"\nmodule A\n  syntax Exp ::= Int\nendmodule\n')],
    ".lean": [("lean", "import data.nat.basic\n\nlemma a : true := begin trivial end\n")],
    ".ls": [("loomscript", "package {\n  class A {}\n}\n")],
    ".mo": [("motoko", "actor Counter {\n  public func f() : async Nat { 1 };\n};\n")],
    ".mod": [
        ("xml", XML), ("modula-2", "IMPLEMENTATION MODULE Lists;\nEND Lists.\n"),
        ("nmodl", "NEURON {\n  SUFFIX hh\n}\n"), ("linux kernel module", "/drivers/a.ko\n/drivers/a.o\n"),
        ("ampl", "var x >= 0;\nmaximize z: x;\n"),
    ],
    ".mojo": [("xml", XML)],
    ".moo": [("mercury", ":- module a.\n")],
    ".ml": [("standard ml", "structure A = struct\n  fun f x = x + 1\nend\n")],
    ".mqh": [("mql4", "#property strict\nint f() { return 1; }\n")],
    ".n": [("roff", ROFF), ("nemerle", "using System.Console;\nmodule A { Main() : void { } }\n")],
    ".nu": [("nu", "(class A is NSObject\n  (- f is 1))\n")],
    ".odin": [("object data instance notation", "school = (School) <\n  name = <\"A\">\n>\n")],
    ".p": [
        ("gnuplot", 'set terminal png\nplot "a.dat"\n'), ("openedge abl", "DEFINE VARIABLE i AS INTEGER.\nFIND FIRST t.\n"),
    ],
    ".plt": [("prolog", ":- begin_tests(a).\ntest(x) :- true.\n")],
    ".pp": [
        ("puppet", "class apache::mod (\n  $a = 1,\n) {\n}\n"), ("pascal", "unit A;\ninterface\nimplementation\nend.\n"),
    ],
    ".pro": [
        ("proguard", "-keep class a.B { *; }\n"), ("qmake", "TEMPLATE = app\nSOURCES += main.cpp\n"),
        ("idl", "pro hello, x\n  compile_opt idl2\n  print, x\nend\n"),
        ("c", "int f(char *s);\nvoid g(void);\n"), ("prolog", PREDICATES), ("ini", "[a]\nb = c\n"),
        ("prolog", "% facts\nparent(ann, bob).\n"),
    ],
    ".q": [("hiveql", "CREATE TABLE a (b INT);\nINSERT OVERWRITE TABLE a SELECT 1;\n")],
    ".qs": [
        ("qt script", "function Component()\n{\n  var a = 1;\n}\n"), ("q#", "namespace A {\n  open Microsoft.Quantum;\n}\n"),
    ],
    ".rpy": [("python", "from twisted.web import static\nresource = static.File('.')\n")],
    ".res": [("xml", '<?xml version="1.0" encoding="utf-8"?>\n<a/>\n')],
    ".reds": [("redscript", "@wrapMethod(A)\npublic func F() -> Void {}\n")],
    ".rsc": [("rascal", "module demo::Hello\nimport IO;\n")],
    ".sc": [("scala", 'import mill._\nobject a extends Module {\n  def f = 1\n}\n')],
    ".sls": [("salt", "nginx:\n  pkg.installed:\n    - name: nginx\n")],
    ".spec": [
        ("rpm spec", "Name: a\nVersion: 1\n%description\nA.\n"), ("python", "a = Analysis(['main.py'])\nexe = EXE(a)\n"),
    ],
    ".tst": [("gap", "gap> START_TEST(\"a\");\ngap> 1+1;\n2\n")],
    ".sw": [("xml", XML)],
    ".tact": [("json", '{"tracks": []}')],
    ".trigger": [("shell", "#! a\necho triggered\nfi\n")],
    ".uc": [("ucode", "'use strict';\nimport { open } from 'fs';\n")],
    ".w": [("openedge abl", "&ANALYZE-SUSPEND _VERSION-NUMBER\n&Scoped-define WINDOW-NAME C-Win\n")],
    ".x": [
        ("directx 3d file", "xof 0303txt 0032\nMesh a {\n"), ("logos", "%hook A\n- (void)b { %orig; }\n%end\n"),
        ("linker script", "ENTRY(_start)\nSECTIONS\n{\n}\n"),
    ],
    ".yy": [("json", '{\n  "resourceType": "GMSprite"\n}\n')],
}  # fmt: skip

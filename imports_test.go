package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "evident"

// rooms says which rooms of the house a room may look into. Arrows point one way: pages → app → light client ← full
// node, and the light client stands on nothing of ours.
var rooms = map[string][]string{
	"":            {"app", "frontend"}, // the desktop program
	"app":         {"frontend", "lightclient"},
	"build":       {"lightclient", "fullnode"}, // benchmarks
	"frontend":    {},
	"fullnode":    {"frontend", "lightclient"},
	"lightclient": {},
}

// pure packages decide what is valid, so they see nothing but their arguments.
var pure = []string{"lightclient/ledger", "lightclient/merkle", "lightclient/proof", "lightclient/casefile", "lightclient/casefile/picture", "fullnode/finality"}

// light packages go to the browser, where each of these would cost too much to load, or not compile at all.
var (
	light = append([]string{"lightclient/act", "lightclient/evidence", "lightclient/wasm", "lightclient/wasm/verify"}, pure...)
	heavy = []string{
		"net/http",
		"filippo.io/age",
		"github.com/dgraph-io/badger",
		"github.com/hashicorp/raft",
		"github.com/ipfs/boxo",
		"github.com/libp2p/go-libp2p",
		"github.com/wailsapp/wails",
		"filippo.io/torchwood",
	}

	// The verifier compares a package's certificate, with its QR code; the light client itself has no use for that.
	heavyForCore = append([]string{"github.com/boombuler/barcode"}, heavy...)
)

// outside is what a pure package itself may neither import nor call. What the standard library does inside is its own
// affair: fmt imports os.
var (
	outsideImports = []string{"io/ioutil", "net", "os", "syscall", "crypto/rand", "math/rand", "unsafe"}
	outsideCalls   = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}
)

// entries are the only things at the top of the repository.
var entries = []string{
	".ci", ".gitignore", "LICENSE", "Makefile", "NEWS.md", "README.md", "app", "build", "frontend", "fullnode", "go.mod",
	"go.sum", "imports_test.go", "lightclient", "main.go",
}

func TestArrowsPointOneWay(t *testing.T) {
	for _, p := range listPackages(t) {
		from, ours := roomOf(p.ImportPath)
		if !ours {
			continue
		}
		allowed, known := rooms[from]
		if !known {
			t.Errorf("%s is in no room of the house", p.ImportPath)
		}
		for _, i := range p.Imports {
			to, ours := roomOf(i)
			if ours && to != from && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

func TestPurePackagesStayPure(t *testing.T) {
	packages := listPackages(t)
	for _, name := range pure {
		p, ok := packages[module+"/"+name]
		if !ok {
			t.Errorf("%s does not exist: a package that moved has to stay pure", name)
		}
		for _, i := range p.Imports {
			if under(i, outsideImports) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
			if sibling, ours := strings.CutPrefix(i, module+"/"); ours && !slices.Contains(pure, sibling) {
				t.Errorf("%s imports %s, which is not pure", p.ImportPath, i)
			}
		}
		for _, file := range p.GoFiles {
			for _, found := range impurities(t, filepath.Join(p.Dir, file)) {
				t.Error(found)
			}
		}
	}
}

func TestLightPackagesStayLight(t *testing.T) {
	packages := listPackages(t, "GOOS=js", "GOARCH=wasm")
	for _, name := range light {
		if _, ok := packages[module+"/"+name]; !ok {
			t.Errorf("%s does not exist: a package that moved has to stay light", name)
		}
		limits := heavy
		if name != "lightclient/wasm/verify" {
			limits = heavyForCore
		}
		for _, chain := range heavyChains(packages, module+"/"+name, limits) {
			t.Errorf("heavy for the browser: %s", chain)
		}
	}
}

func TestTopOfTheRepository(t *testing.T) {
	out, err := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("list tracked files: %v", err)
	}
	for file := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		top, _, _ := strings.Cut(file, "/")
		if !slices.Contains(entries, top) {
			t.Errorf("%s does not belong at the top: a new entry is a decision for the architecture", file)
		}
	}
}

// TestImpuritiesAreSeen feeds the check above something to find, so that it cannot fall silent.
func TestImpuritiesAreSeen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "impure.go")
	source := `package impure
import clock "time"
var start = clock.Now()
func wait(d clock.Duration) { go clock.Sleep(d) }
`
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := impurities(t, file); len(got) != 3 {
		t.Errorf("got %q, want the clock read, the goroutine and the sleep", got)
	}
	graph := map[string]goPackage{
		"evident/a": {ImportPath: "evident/a", Imports: []string{"evident/b", "fmt"}},
		"evident/b": {ImportPath: "evident/b", Imports: []string{"net/http"}},
	}
	if got := heavyChains(graph, "evident/a", heavy); len(got) != 1 || got[0] != "evident/a → evident/b → net/http" {
		t.Errorf("got %q, want the one chain to net/http", got)
	}
}

type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// listPackages returns the module's packages and everything below them, as the given environment builds them.
func listPackages(t *testing.T, env ...string) map[string]goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := make(map[string]goPackage)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages[p.ImportPath] = p
	}
}

// roomOf returns the top folder of a package of ours.
func roomOf(importPath string) (room string, ours bool) {
	if importPath == module {
		return "", true
	}
	rest, ours := strings.CutPrefix(importPath, module+"/")
	room, _, _ = strings.Cut(rest, "/")
	return room, ours
}

func under(importPath string, parents []string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool {
		return importPath == parent || strings.HasPrefix(importPath, parent+"/")
	})
}

// heavyChains returns, for each heavy package below root, one chain of imports that leads to it.
func heavyChains(packages map[string]goPackage, root string, heavy []string) []string {
	var chains []string
	seen := make(map[string]bool)
	var walk func(importPath, chain string)
	walk = func(importPath, chain string) {
		if seen[importPath] {
			return
		}
		seen[importPath] = true
		if under(importPath, heavy) {
			chains = append(chains, chain)
			return
		}
		for _, i := range packages[importPath].Imports {
			walk(i, chain+" → "+i)
		}
	}
	walk(root, root)
	return chains
}

// impurities finds goroutines and readings of the clock in a file.
func impurities(t *testing.T, file string) []string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	clock := importName(f, "time")
	var found []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, fmt.Sprintf("%s: starts a goroutine", fset.Position(n.Pos())))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(outsideCalls, n.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: uses time.%s", fset.Position(n.Pos()), n.Sel.Name))
			}
		}
		return true
	})
	return found
}

// importName returns what a file calls the package it imports, or "" where it does not.
func importName(f *ast.File, importPath string) string {
	for _, spec := range f.Imports {
		if strings.Trim(spec.Path.Value, `"`) != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

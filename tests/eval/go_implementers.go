// Prints, for Go's standard library, all named types and which of its interfaces each implements: the truth
// of script/eval implementers.
package main

import (
	"encoding/json"
	"go/importer"
	"go/token"
	"go/types"
	"log"
	"os"
	"os/exec"
	"strings"
)

func isGeneric(t *types.TypeName) bool {
	named, ok := t.Type().(*types.Named)
	return ok && named.TypeParams().Len() > 0
}

func id(t *types.TypeName) []string {
	return []string{t.Pkg().Path(), t.Name()}
}

func main() {
	out, err := exec.Command("go", "list", "std").Output()
	if err != nil {
		log.Fatal(err)
	}
	source := importer.ForCompiler(token.NewFileSet(), "source", nil)
	encoder := json.NewEncoder(os.Stdout)
	var all []*types.TypeName
	for _, path := range strings.Fields(string(out)) {
		if strings.HasPrefix(path, "vendor/") {
			continue
		}
		pkg, err := source.Import(path)
		if err != nil {
			log.Print(path, ": ", err)
			continue
		}
		for _, name := range pkg.Scope().Names() {
			t, ok := pkg.Scope().Lookup(name).(*types.TypeName)
			if ok && !t.IsAlias() && !isGeneric(t) {
				all = append(all, t)
				encoder.Encode(map[string][]string{"type": id(t)})
			}
		}
	}
	for _, i := range all {
		methods, ok := i.Type().Underlying().(*types.Interface)
		if !ok || methods.NumMethods() == 0 || !methods.IsMethodSet() {
			continue
		}
		for _, t := range all {
			if t != i && (types.Implements(t.Type(), methods) || types.Implements(types.NewPointer(t.Type()), methods)) {
				encoder.Encode(map[string][]string{"interface": id(i), "type": id(t)})
			}
		}
	}
}

package main

import (
	"fmt"
	"reflect"
	"strings"

	"evident/lightclient/service"
)

const banner = `// Code generated from the method table of lightclient/service. DO NOT EDIT.
// Heights, tree sizes and byte counts are decimal strings; times are Unix milliseconds.

export type Badge = "proven" | "claimed" | "unverified";
`

// writer collects the interfaces, each once, before the ones that use it.
type writer struct {
	out  strings.Builder
	seen map[reflect.Type]bool
}

// typeScript returns the file that the pages import.
func typeScript() string {
	w := &writer{seen: map[reflect.Type]bool{}}
	w.out.WriteString(banner)
	for _, m := range service.Methods() {
		w.declare(reflect.TypeOf(m.Params))
		w.declare(reflect.TypeOf(m.Result))
	}
	var events []string
	for _, e := range service.Events() {
		w.declare(reflect.TypeOf(e))
		events = append(events, reflect.TypeOf(e).Name())
	}
	w.out.WriteString("\nexport interface Methods {\n")
	for _, m := range service.Methods() {
		fmt.Fprintf(&w.out, "  %s: { params: %s; result: %s };\n", m.Name, reflect.TypeOf(m.Params).Name(), reflect.TypeOf(m.Result).Name())
	}
	fmt.Fprintf(&w.out, "}\n\nexport type LedgerEvent = %s;\n", strings.Join(events, " | "))
	return w.out.String()
}

// declare writes the interface of a struct behind those of its fields.
func (w *writer) declare(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || w.seen[t] {
		return
	}
	w.seen[t] = true
	var body strings.Builder
	for i := range t.NumField() {
		f := t.Field(i)
		w.declare(f.Type)
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if option == "omitempty" {
			name += "?"
		}
		typ := f.Tag.Get("ts")
		if typ == "" {
			typ = typeOf(f.Type, option == "omitempty")
		}
		fmt.Fprintf(&body, "  %s: %s;\n", name, typ)
	}
	if body.Len() == 0 {
		fmt.Fprintf(&w.out, "\nexport interface %s {}\n", t.Name())
		return
	}
	fmt.Fprintf(&w.out, "\nexport interface %s {\n%s}\n", t.Name(), body.String())
}

func typeOf(t reflect.Type, optional bool) string {
	switch t.Kind() {
	case reflect.String:
		if t.Name() != "string" {
			return t.Name()
		}
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "number"
	case reflect.Slice:
		return typeOf(t.Elem(), false) + "[]"
	case reflect.Map:
		return "{ [name: string]: unknown }"
	case reflect.Pointer:
		if optional {
			return typeOf(t.Elem(), false)
		}
		return typeOf(t.Elem(), false) + " | null"
	case reflect.Struct:
		return t.Name()
	}
	panic("gen: no TypeScript for " + t.String())
}

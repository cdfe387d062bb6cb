package steps

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// object is a part of a JSON Schema.
type object = map[string]any

// Schema is the JSON Schema (draft 2020-12) of one document of an answers file, made from the questions, for editors.
// Sites is stricter: it knows what names, addresses and paths are.
func Schema() []byte {
	root := schemaOf(reflect.TypeFor[Answers](), "", questionsByKey())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "sslwizard answers"
	root["description"] = "One site. Several documents in one file are several sites."
	notACME := object{"trusted": object{"properties": object{"source": object{"enum": []string{SourceFiles, SourceNone}}}, "required": []string{"source"}}}
	root["if"] = object{"properties": notACME, "required": []string{"trusted"}}
	root["else"] = object{"required": []string{"trusted"},
		"properties": object{"trusted": object{"required": []string{"acceptTerms"}, "properties": object{"acceptTerms": object{"const": true}}}}}
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // only maps, lists and texts of our own
	}
	return append(data, '\n')
}

// schemaOf describes a section.
func schemaOf(t reflect.Type, path string, questions map[string]Question) object {
	properties, required := object{}, []string(nil)
	for i, name := range keysOf(t) {
		key, field := join(path, name), t.Field(i)
		var part object
		if field.Type.Kind() == reflect.Struct {
			part = schemaOf(field.Type, key, questions)
		} else {
			part = questions[key].schema(key, field.Type)
		}
		properties[name] = part
		if part["required"] != nil || questions[key].Required && !questions[key].Consent {
			required = append(required, name)
		}
	}
	section := object{"type": "object", "additionalProperties": false, "properties": properties}
	if required != nil {
		section["required"] = required
	}
	return section
}

// schema describes the value of one key. Those that are no question are constants.
func (q Question) schema(key string, t reflect.Type) object {
	if q.Key == "" {
		return object{"const": Defaults().Text(key)}
	}
	part := object{"title": q.Label, "description": strings.TrimSpace(q.Help + " " + q.Why)}
	switch q.Kind {
	case KindBool:
		part["type"] = "boolean"
	case KindNumber:
		part["type"] = "integer"
	case KindList:
		part["type"], part["items"] = "array", object{"type": "string"}
	case KindHeaders:
		part["type"], part["additionalProperties"] = "object", object{"type": "string"}
	case KindDuration:
		part["type"], part["pattern"] = "string", `^[0-9][0-9.a-zµ]*$`
	case KindSize:
		part["type"], part["pattern"] = []string{"string", "integer"}, `^[0-9]+[kKmMgG]?$`
	case KindChoice:
		part["enum"] = q.enum(t)
	default:
		part["type"] = []string{"string", "integer"}
	}
	switch {
	case !q.Required:
		part["default"] = defaultValue(key)
	case q.Kind == KindList:
		part["minItems"] = 1
	case q.Kind == KindText:
		part["minLength"] = 1
	}
	return part
}

func (q Question) enum(t reflect.Type) []any {
	var values []any
	if q.Default == "" && !q.Required {
		values = append(values, "") // it is asked only after other answers
	}
	for _, v := range q.values() {
		if n, err := strconv.Atoi(v); err == nil && t.Kind() == reflect.Int {
			values = append(values, n)
		} else {
			values = append(values, v)
		}
	}
	return values
}

func defaultValue(key string) any {
	a := Defaults()
	v, _ := a.field(key)
	if v.Kind() == reflect.Map && v.IsNil() {
		return object{}
	}
	return v.Interface()
}

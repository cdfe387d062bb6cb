package command

import (
	"reflect"

	"github.com/c93d5bcb/sslwizard/steps"
)

// cleaning is a printer that is told nothing that could steer a terminal: most of what is printed comes from files, servers and
// programs, and no printer has to remember which.
type cleaning struct{ to printer }

var _ printer = cleaning{}

func (c cleaning) preview(v steps.Preview, m previewMode)     { c.to.preview(clean(v), m) }
func (c cleaning) event(e steps.Event)                        { c.to.event(clean(e)) }
func (c cleaning) check(v steps.Check)                        { c.to.check(clean(v)) }
func (c cleaning) result(r steps.Result, e ending)            { c.to.result(clean(r), e) }
func (c cleaning) report(r steps.Report)                      { c.to.report(clean(r)) }
func (c cleaning) diagnosis(r steps.Report)                   { c.to.diagnosis(clean(r)) }
func (c cleaning) status(s steps.HostStatus, all bool)        { c.to.status(clean(s), all) }
func (c cleaning) ownCA(ca steps.OwnCA, g []steps.TrustGuide) { c.to.ownCA(clean(ca), clean(g)) }
func (c cleaning) deliveries(all []steps.Delivery)            { c.to.deliveries(clean(all)) }
func (c cleaning) accounts(all []steps.ACMEAccount)           { c.to.accounts(clean(all)) }
func (c cleaning) failure(err error)                          { c.to.failure(err) } // its texts are cleaned where they are put together

// clean is a copy in which every text is steps.Clean. What is behind an interface stays: changes and errors are not printed
// as they are.
func clean[T any](v T) T { return cleaned(reflect.ValueOf(v)).Interface().(T) }

func cleaned(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		text := v.String()
		if now := steps.Clean(text); now != text {
			return reflect.ValueOf(now).Convert(v.Type())
		}
	case reflect.Struct:
		now := reflect.New(v.Type()).Elem()
		now.Set(v)
		for i := range now.NumField() {
			if f := now.Field(i); f.CanSet() {
				f.Set(cleaned(f))
			}
		}
		return now
	case reflect.Pointer:
		if !v.IsNil() {
			now := reflect.New(v.Type().Elem())
			now.Elem().Set(cleaned(v.Elem()))
			return now
		}
	case reflect.Slice:
		return cleanedSlice(v)
	case reflect.Map:
		return cleanedMap(v)
	}
	return v
}

func cleanedSlice(v reflect.Value) reflect.Value {
	if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
		return v
	}
	now := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		now.Index(i).Set(cleaned(v.Index(i)))
	}
	return now
}

func cleanedMap(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	now := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, value := range v.Seq2() {
		now.SetMapIndex(cleaned(key), cleaned(value))
	}
	return now
}

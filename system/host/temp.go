package host

import "path"

// SweepTemps removes what interrupted writes left in this folder. Nobody else may be writing in it.
func SweepTemps(h Host, dir string) error {
	f, err := h.ReadFile(dir)
	if err != nil {
		return nil //nolint:nilerr // then there are none
	}
	for _, name := range f.Entries {
		if IsTemp(name) {
			if err := h.Remove(path.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

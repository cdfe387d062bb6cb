package steps

// Answers is one site as it was said: the answers file, before validation. See design in README "Answers file".
type Answers struct {
	APIVersion string `yaml:"apiVersion"`
}

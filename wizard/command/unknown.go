package command

import (
	"errors"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

// rootArgs takes the answers file. Every other word there is a command that does not exist, and is named.
func (a *App) rootArgs(c *cobra.Command, args []string, f *runFlags) error {
	if len(args) == 0 {
		return nil
	}
	if !f.nonInteractive && !f.dryRun && !a.looksLikeFile(args[0]) {
		return noCommand(c, args[0])
	}
	if len(args) > 1 || f.answers != "" && f.answers != args[0] {
		return usageError("cannot use more than one answers file: \""+steps.CleanLine(args[len(args)-1])+"\" is one too many",
			"sudo sslwizard --non-interactive ANSWERS    several sites stand in one file, parted by lines of ---")
	}
	f.answers = args[0]
	return nil
}

// looksLikeFile tells the name of a file from a word that was meant as a command.
func (a *App) looksLikeFile(word string) bool {
	if word == "-" || strings.ContainsAny(word, "./") {
		return true
	}
	_, err := a.ReadFile(word)
	return err == nil
}

// fileAlone is for who named an answers file, and not what to do with it.
func (a *App) fileAlone(file string) error {
	if _, _, err := a.readAnswers(file); err != nil {
		return err
	}
	file = shellWord(steps.CleanLine(file))
	return usageError("cannot tell what to do with the answers file "+file+": say --dry-run or --non-interactive",
		"sslwizard --dry-run "+file+"    prints what it would change", "sudo sslwizard --non-interactive "+file+"    does it")
}

// unexpected is a word too many: below a command that has commands, one that does not exist.
func unexpected(c *cobra.Command, word string) error {
	if c.HasAvailableSubCommands() {
		return noCommand(c, word)
	}
	return usageError("cannot run "+c.Name()+": \""+steps.CleanLine(word)+"\" is one argument too many", c.UseLine(), c.CommandPath()+" --help")
}

// otherNames are what other tools call a command of ours.
var otherNames = map[string][]string{
	"undo": {"rollback", "revert", "restore"}, "probe": {"verify", "check", "test", "scan"}, "remove": {"delete", "rm", "del"},
	"doctor": {"diagnose", "preflight", "dns", "why"}, "status": {"list", "ls", "show", "info", "runs", "log"}, "uninstall": {"purge"}, "renew": {"renewal"}, "serve": {"server", "start", "daemon"},
}

// The main job as it is typed, by a person and without one.
const (
	askMe   = "sudo sslwizard    asks, shows every change, then does it"
	applyIt = "sudo sslwizard --non-interactive answers.yaml    does it without asking"
	showIt  = "sslwizard --dry-run answers.yaml    prints what it would change"
)

// mainJob are the words that other tools have for what is no command here, with what is typed instead.
var mainJob = map[string][]string{
	"version": {"sslwizard --version"},
	"plan":    {showIt}, "diff": {showIt}, "preview": {showIt},
	"apply": {askMe, applyIt}, "install": {askMe, applyIt}, "run": {askMe, applyIt}, "setup": {askMe, applyIt},
	"wizard": {askMe}, "new": {askMe}, "add": {askMe}, "create": {askMe}, "configure": {askMe}, "certonly": {askMe},
	"init": {"sslwizard answers init > answers.yaml"}, "validate": {"sslwizard answers validate answers.yaml"},
}

// noCommand names a command that does not exist, and the one that was probably meant.
func noCommand(c *cobra.Command, word string) error {
	word = steps.CleanLine(word)
	c.SuggestionsMinimumDistance = 2
	text := "there is no command \"" + strings.TrimSpace(strings.TrimPrefix(c.CommandPath()+" ", ourName+" ")+word) + "\""
	var fixes []string
	if job, ok := mainJob[word]; ok && !c.HasParent() {
		fixes = append(fixes, job...)
	} else if like := c.SuggestionsFor(word); len(like) > 0 {
		text += "; did you mean \"" + like[0] + "\"?"
		fixes = append(fixes, c.CommandPath()+" "+like[0])
	}
	return usageError(text, append(fixes, c.CommandPath()+" --help    lists the commands")...)
}

// helpCommand is cobra's, but for a command that does not exist: that is an error.
func (a *App) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "help for a command",
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if len(rest) > 0 {
				return noCommand(found, rest[0])
			}
			if err != nil {
				return err
			}
			return found.Help()
		},
	}
}

// plainUsage keeps "[flags]" out of every usage line: the flags are listed below it.
func plainUsage(c *cobra.Command) {
	c.DisableFlagsInUseLine = true
	for _, sub := range c.Commands() {
		plainUsage(sub)
	}
}

// notExist is cobra's error for a flag that does not exist.
type notExist interface {
	error
	GetSpecifiedName() string
	GetSpecifiedShortnames() string
}

var flagName = regexp.MustCompile(`--([a-z-]+)`)

// wrongFlag names a flag that does not exist, and the one that was probably meant.
func wrongFlag(c *cobra.Command, err error) error {
	var missing notExist
	if !strings.HasPrefix(err.Error(), "unknown ") || !errors.As(err, &missing) { // a flag without its value has names too
		return usageError("cannot use this command line: "+steps.CleanLine(err.Error()), c.CommandPath()+" --help")
	}
	name := steps.CleanLine(missing.GetSpecifiedName())
	if missing.GetSpecifiedShortnames() != "" {
		return usageError("there is no flag -"+name, c.CommandPath()+" --help")
	}
	text := "there is no flag --" + name
	names := &cobra.Command{SuggestionsMinimumDistance: 2} // cobra suggests commands only
	for _, f := range flagName.FindAllStringSubmatch(c.Flags().FlagUsages(), -1) {
		names.AddCommand(&cobra.Command{Use: f[1], Run: func(*cobra.Command, []string) {}})
	}
	if like := names.SuggestionsFor(name); len(like) > 0 {
		text += "; did you mean --" + like[0] + "?"
	}
	return usageError(text, c.CommandPath()+" --help")
}

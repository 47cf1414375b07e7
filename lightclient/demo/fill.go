package demo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var nowPlus = regexp.MustCompile(`^now([+-]\d+)?([smhd])?$`)

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// fill puts keys, names, digests and times in the place of their marks.
func (p *play) fill(v any) (_ any, err error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			if out[name], err = p.fill(one); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			if out[i], err = p.fill(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		return p.word(v)
	}
	return v, nil
}

func (p *play) word(v string) (any, error) {
	if m := nowPlus.FindStringSubmatch(v); m != nil {
		n, err := strconv.ParseInt(cmp.Or(m[1], "0"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the time %q: %w", v, err)
		}
		return p.Now().Add(time.Duration(n) * units[m[2]]).UnixMilli(), nil
	}
	return p.text(v)
}

// text is word where only a text can stand.
func (p *play) text(v string) (string, error) {
	v = strings.ReplaceAll(v, "{run}", p.run)
	kind, rest, _ := strings.Cut(v, ":")
	switch {
	case kind == "sha256" && rest != "":
		return digestOf(rest), nil
	case kind == "digest" && rest != "":
		content, ok := p.story.Documents[rest]
		if !ok {
			return "", fmt.Errorf("there is no document %q", rest)
		}
		return digestOf(strings.ReplaceAll(content, "{run}", p.run)), nil
	case strings.HasPrefix(v, "@"):
		if c := p.cast[v[1:]]; c != nil {
			return c.key, nil
		}
	case strings.HasPrefix(v, "$"):
		if name := p.items[v[1:]]; name != "" {
			return name, nil
		}
	default:
		return v, nil
	}
	return "", fmt.Errorf("nothing is called %q", v)
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

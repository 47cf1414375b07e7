package contract

import (
	"strings"
	"time"

	"evident/lightclient/ledger"
)

// checks are the functions by which a rule tells a well-formed identifier from a mistyped one: digits, letters and
// hyphens as their standard writes them, and the right check digit.
var checks = map[string]func(string) bool{
	"gtin":    func(s string) bool { return (len(s) == 8 || len(s) == 12 || len(s) == 13 || len(s) == 14) && isGS1(s) },
	"gln":     func(s string) bool { return len(s) == 13 && isGS1(s) },
	"sscc":    func(s string) bool { return len(s) == 18 && isGS1(s) },
	"isbn":    isISBN,
	"issn":    isISSN,
	"isrc":    isISRC,
	"iswc":    isISWC,
	"isan":    isISAN,
	"is_date": func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	"is_word": isWord,
	"is_key":  func(s string) bool { return ledger.CheckKey(s) == nil },
	"is_hex":  func(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" },
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// isGS1 checks the last digit: weights 3 and 1 from the right, modulo 10.
func isGS1(s string) bool {
	if !isDigits(s) {
		return false
	}
	sum := 0
	for i := range len(s) {
		weight := 1
		if (len(s)-i)%2 == 0 {
			weight = 3
		}
		sum += weight * int(s[i]-'0')
	}
	return sum%10 == 0
}

func isISBN(s string) bool {
	s = strings.ReplaceAll(s, "-", "")
	if len(s) == 13 {
		return (strings.HasPrefix(s, "978") || strings.HasPrefix(s, "979")) && isGS1(s)
	}
	return len(s) == 10 && isMod11(s)
}

func isISSN(s string) bool {
	return len(s) == 9 && s[4] == '-' && isMod11(s[:4]+s[5:])
}

// isMod11 checks the last character: weights n…1, modulo 11, with X for ten.
func isMod11(s string) bool {
	body, last := s[:len(s)-1], s[len(s)-1]
	if !isDigits(body) || last != 'X' && !isDigits(s[len(s)-1:]) {
		return false
	}
	sum := 0
	for i := range len(body) {
		sum += (len(s) - i) * int(body[i]-'0')
	}
	if last == 'X' {
		return (sum+10)%11 == 0
	}
	return (sum+int(last-'0'))%11 == 0
}

// isISRC checks the form CC-XXX-YY-NNNNN, with or without hyphens; an ISRC has no check digit.
func isISRC(s string) bool {
	s = strings.ReplaceAll(s, "-", "")
	return len(s) == 12 && isUpper(s[:2]) && strings.Trim(s[2:5], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" && isDigits(s[5:])
}

func isUpper(s string) bool { return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" }

// isISWC checks T-DDD.DDD.DDD-C: 1 + the digits with weights 1…9 + the check digit is divisible by 10.
func isISWC(s string) bool {
	s = strings.NewReplacer("-", "", ".", "").Replace(s)
	if len(s) != 11 || s[0] != 'T' || !isDigits(s[1:]) {
		return false
	}
	sum := 1 + int(s[10]-'0')
	for i := 1; i <= 9; i++ {
		sum += i * int(s[i]-'0')
	}
	return sum%10 == 0
}

// isISAN checks 16 hexadecimal digits and the ISO 7064 MOD 37,36 check character behind them, and of a versioned one
// the 8 digits and the second check character too.
func isISAN(s string) bool {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "ISAN "), "-", "")
	if len(s) == 26 {
		return isMod37(s[:17]) && isMod37(s[:16]+s[17:])
	}
	return len(s) == 17 && isMod37(s)
}

func isMod37(s string) bool {
	const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	p := 36
	for i := range len(s) - 1 {
		v := strings.IndexByte(characters[:16], s[i])
		if v < 0 {
			return false
		}
		p += v
		if p > 36 {
			p -= 36
		}
		p = p * 2 % 37
	}
	last := strings.IndexByte(characters, s[len(s)-1])
	return last >= 0 && (p+last)%36 == 1
}

package source

import (
	"fmt"
	"net/url"
	"strings"

	"evident/lightclient"
)

// clean checks the address of a node and drops a slash at its end.
func clean(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not the address of a node: want one such as https://node.harbour.example", address)
	}
	return strings.TrimSuffix(address, "/"), nil
}

func tooLong(q lightclient.Question) error {
	return fmt.Errorf("the answer to %s is longer than %d bytes", q.Path, q.Limit)
}

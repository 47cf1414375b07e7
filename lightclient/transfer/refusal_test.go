package transfer

import (
	"errors"
	"strings"
	"testing"

	"evident/lightclient"
)

func TestRefusal(t *testing.T) {
	for _, tt := range []struct {
		status   int
		body     string
		want     error
		sentence string
	}{
		{507, `{"error":{"code":"full","message":"no room","hint":"elsewhere"}}`, ErrFull, "no room; elsewhere"},
		{507, "garbage", ErrFull, ""},
		{429, `{"error":{"code":"quota","message":"used up","hint":"wait"}}`, ErrQuota, "used up; wait"},
		{429, `{"error":{"code":"busy","message":"busy","hint":"later"}}`, nil, ""},
		{429, "garbage", nil, ""},
		{200, `{"error":{"code":"quota"}}`, nil, ""},
		{503, `{"error":{"code":"full"}}`, nil, ""},
	} {
		err := refusal(lightclient.Answer{Status: tt.status, Body: []byte(tt.body)})
		if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.sentence) {
			t.Errorf("%d %s: got %v, want %v", tt.status, tt.body, err, tt.want)
		}
	}
}

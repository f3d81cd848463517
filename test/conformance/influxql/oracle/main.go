package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"

	"github.com/influxdata/influxql"
)

func parse(text string) (out map[string]interface{}) {
	defer func() {
		if r := recover(); r != nil {
			out = map[string]interface{}{"panic": true}
		}
	}()
	q, err := influxql.ParseQuery(text)
	if err != nil {
		return map[string]interface{}{"error": err.Error()}
	}
	a := []string{}
	for _, s := range q.Statements {
		a = append(a, s.String())
	}
	return map[string]interface{}{"printed": a}
}

// Each input line is a JSON string; each output line a JSON object.
func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for {
		line, err := in.ReadString('\n')
		if strings.TrimSpace(line) == "" {
			break
		}
		var text string
		if json.Unmarshal([]byte(line), &text) != nil {
			break
		}
		enc.Encode(parse(text))
		if in.Buffered() == 0 {
			out.Flush()
		}
		if err != nil {
			break
		}
	}
	out.Flush()
}

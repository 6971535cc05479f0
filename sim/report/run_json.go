package report

import (
	"encoding/json"

	"bootplan/rule"
	"bootplan/sim"
)

// Schema is the version of all JSON output.
const Schema = "bootplan/1"

// Run is a boot in JSON.
type Run struct {
	Schema      string                  `json:"schema,omitempty"`
	Design      string                  `json:"design"`
	Policy      string                  `json:"policy,omitempty"` // where several are compared
	Outcome     sim.Outcome             `json:"outcome"`
	Failure     string                  `json:"failure"`
	Placements  map[string]RunPlacement `json:"placements"`
	Steps       []RunStep               `json:"steps"`
	Findings    []RunFinding            `json:"findings"`
	Metrics     map[string]float64      `json:"metrics"`
	Allocations []RunAllocations        `json:"allocations"` // requests for memory, by type and limit
	Messages    []string                `json:"messages"`
	Assumptions []string                `json:"assumptions"`
	KernelLog   []string                `json:"kernel_log,omitempty"` // with run --log
	IOMem       []string                `json:"iomem,omitempty"`      // with run --log
}

// RunPlacement is a placement in JSON.
type RunPlacement struct {
	Range
	Virtual string `json:"virtual,omitempty"`
}

// RunStep is a step in JSON; steps count from 1.
type RunStep struct {
	Step       int       `json:"step"`
	Phase      sim.Phase `json:"phase"`
	Op         sim.Op    `json:"op"`
	Object     string    `json:"object"`
	Range      *Range    `json:"range,omitempty"`
	From       *Range    `json:"from,omitempty"`
	Perm       string    `json:"perm,omitempty"`
	MemoryType string    `json:"memory_type,omitempty"`
	WX         string    `json:"wx_bytes"` // RAM mapped writable and executable after the step
	Why        string    `json:"why"`
	Source     string    `json:"source"`
}

// RunAllocations are like requests for memory in JSON.
type RunAllocations struct {
	MemoryType string    `json:"memory_type,omitempty"` // none where no firmware was asked
	Where      sim.Where `json:"where"`
	Limit      string    `json:"limit,omitempty"` // exclusive
	Count      int       `json:"count"`
	Bytes      string    `json:"bytes"`
}

// RunFinding is a finding in JSON.
type RunFinding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Step     int    `json:"step"`  // 0: the boot as a whole
	Range    *Range `json:"range"` // null where no memory is concerned
	Object   string `json:"object"`
	Other    string `json:"other"`
	Message  string `json:"message"`

	severity rule.Severity
}

// NewRun is r as JSON shows it.
func NewRun(r *sim.Result) Run {
	run := Run{
		Design: r.Design, Outcome: r.Outcome, Failure: r.Failure,
		Placements: map[string]RunPlacement{}, Metrics: map[string]float64{},
		Steps: []RunStep{}, Findings: []RunFinding{}, Allocations: []RunAllocations{}, Messages: []string{}, Assumptions: []string{},
	}
	for _, p := range r.Placements {
		placement := RunPlacement{Range: JSONRange(p.Range)}
		if p.Virtual != 0 {
			placement.Virtual = Address(p.Virtual)
		}
		run.Placements[p.Name] = placement
	}
	for i, s := range r.Steps {
		run.Steps = append(run.Steps, newRunStep(i, s))
	}
	for _, f := range r.Findings {
		run.Findings = append(run.Findings, newRunFinding(f))
	}
	for _, m := range r.Metrics {
		run.Metrics[m.Name] = m.Value
	}
	for _, a := range r.Allocations {
		like := RunAllocations{MemoryType: a.Memory, Where: a.Where, Count: a.Count, Bytes: Address(a.Bytes)}
		if a.Where == sim.Below {
			like.Limit = Address(a.Limit)
		}
		run.Allocations = append(run.Allocations, like)
	}
	run.Messages = append(run.Messages, r.Messages...)
	run.Assumptions = append(run.Assumptions, r.Assumptions...)
	return run
}

func newRunStep(i int, s sim.Step) RunStep {
	step := RunStep{Step: i + 1, Phase: s.Phase, Op: s.Op, Object: s.Object, MemoryType: s.Memory, WX: Address(s.WX), Why: s.Why, Source: s.Source}
	if !s.Range.Empty() {
		step.Range = ptr(JSONRange(s.Range))
	}
	if !s.From.Empty() {
		step.From = ptr(JSONRange(s.From))
	}
	if s.Perm != 0 {
		step.Perm = s.Perm.String()
	}
	return step
}

func newRunFinding(f sim.Finding) RunFinding {
	finding := RunFinding{Rule: f.Rule, Severity: f.Severity.String(), Step: f.Step + 1, Object: f.Object, Other: f.Other, Message: f.Message, severity: f.Severity}
	if !f.Range.Empty() {
		finding.Range = ptr(JSONRange(f.Range))
	}
	return finding
}

func ptr[T any](v T) *T { return &v }

// Marshal is v as indented JSON with a newline at the end.
func Marshal(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}

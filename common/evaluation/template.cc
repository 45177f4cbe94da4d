// Runs a template's statements.
#include "common/evaluation/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/utf8.h"
#include "common/evaluation/template_evaluate.h"
#include "common/evaluation/template_lexer.h"
#include "common/evaluation/template_operators.h"
#include "common/evaluation/template_parser.h"

namespace koeval::evaluation {

struct TemplateTree {
  Body body;
};

namespace {

constexpr size_t kSourceMax = 256 * 1024;

class StatementRunner : private ExpressionEvaluator {
 public:
  StatementRunner(const Json& row, TemplateDialect dialect, RenderContext& context)
      : ExpressionEvaluator(row, dialect, context) {}

  Status Run(const Body& body) {
    for (const auto& statement : body) {
      RETURN_IF_ERROR(Enter(statement->place));
      RETURN_IF_ERROR(RunOne(*statement));
      Leave();
      if (flow_ != Flow::kOn) return OkStatus();
    }
    return OkStatus();
  }
  std::string TakeText() { return std::move(out_); }

 private:
  // Whether the innermost loop goes on, skips the rest of its body, or ends.
  enum class Flow { kOn, kContinue, kBreak };

  // A scope that is open as long as this lives.
  class ScopeGuard {
   public:
    ScopeGuard(StatementRunner& runner, Scope* outer)
        : runner_(runner), before_(runner.scope_), scope_(outer) {
      runner_.scope_ = &scope_;
    }
    ~ScopeGuard() { runner_.scope_ = before_; }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;
    Scope* operator->() { return &scope_; }

   private:
    StatementRunner& runner_;
    Scope* const before_;
    Scope scope_;
  };

  Status RunOne(const Statement& statement) {
    switch (statement.kind) {
      case Statement::Kind::kText:
        return Emit(statement.text, statement.place);
      case Statement::Kind::kOutput: {
        ASSIGN_OR_RETURN(const Value value, Lenient(*statement.exprs[0]));
        ASSIGN_OR_RETURN(const std::string text, TextOf(value, statement.place));
        return Emit(text, statement.place);
      }
      case Statement::Kind::kIf:
        return RunIf(statement);
      case Statement::Kind::kFor:
        return RunFor(statement);
      case Statement::Kind::kSet: {
        ASSIGN_OR_RETURN(const Value value, Lenient(*statement.exprs[0]));
        return Assign(statement.target, value, statement.place);
      }
      case Statement::Kind::kSetBlock: {
        ASSIGN_OR_RETURN(const Value value, BlockValue(statement));
        return Assign(statement.target, value, statement.place);
      }
      case Statement::Kind::kFilterBlock: {
        ASSIGN_OR_RETURN(const Value value, BlockValue(statement));
        ASSIGN_OR_RETURN(const std::string text, TextOf(value, statement.place));
        return Emit(text, statement.place);
      }
      case Statement::Kind::kWith:
        return RunWith(statement);
      case Statement::Kind::kMacro:
        scope_->Set(statement.text, MacroOf(statement));
        return OkStatus();
      case Statement::Kind::kCallBlock:
        return RunCallBlock(statement);
      case Statement::Kind::kBreak:
        flow_ = Flow::kBreak;
        return OkStatus();
      case Statement::Kind::kContinue:
        flow_ = Flow::kContinue;
        return OkStatus();
    }
    return OkStatus();
  }

  Status Emit(std::string_view text, const Place& place) {
    if (const Status size = CheckTextSize(out_.size() + text.size()); !size.ok()) {
      return TemplateError(place, size.message());
    }
    out_ += text;
    return CountSteps(static_cast<int64_t>(text.size() / kTemplateStepWeight), place);
  }

  // What `body` writes.
  Result<std::string> Captured(const Body& body) {
    std::string outer = std::exchange(out_, {});
    const Status status = Run(body);
    outer.swap(out_);
    RETURN_IF_ERROR(status);
    return outer;
  }

  // The text of a block, through its filters when it has any.
  Result<Value> BlockValue(const Statement& statement) {
    ScopeGuard scope(*this, scope_);
    ASSIGN_OR_RETURN(std::string text, Captured(statement.bodies[0]));
    if (statement.exprs.empty()) return Value(std::move(text));
    scope->Set(kBlockText, Value(std::move(text)));
    return Eval(*statement.exprs[0]);
  }

  Status RunIf(const Statement& statement) {
    for (size_t i = 0; i < statement.exprs.size(); ++i) {
      ASSIGN_OR_RETURN(const Value guard, Lenient(*statement.exprs[i]));
      if (guard.Truth()) return Run(statement.bodies[i]);
    }
    const bool has_else = statement.bodies.size() > statement.exprs.size();
    return has_else ? Run(statement.bodies.back()) : OkStatus();
  }

  Status RunFor(const Statement& statement) {
    ASSIGN_OR_RETURN(const Value iterable, Lenient(*statement.exprs[0]));
    return Loop(statement, iterable, 0);
  }

  Status Loop(const Statement& statement, const Value& iterable, int64_t depth0) {
    Result<ValueList> items = ItemsOf(iterable);
    if (!items.ok()) return At(statement.place, items.status());
    if (statement.exprs.size() > 1) {
      ASSIGN_OR_RETURN(*items, Filtered(statement, *items));
    }
    if (items->empty() && statement.bodies.size() > 1) return Run(statement.bodies[1]);
    LoopState loop{&statement, &*items, 0, depth0};
    for (; loop.at < items->size(); ++loop.at) {
      ScopeGuard scope(*this, scope_);
      scope->loop = &loop;
      RETURN_IF_ERROR(Assign(statement.target, (*items)[loop.at], statement.place));
      RETURN_IF_ERROR(CountSteps(1, statement.place));
      RETURN_IF_ERROR(Run(statement.bodies[0]));
      if (std::exchange(flow_, Flow::kOn) == Flow::kBreak) break;
    }
    return OkStatus();
  }

  // The items for which the loop's own condition holds.
  Result<ValueList> Filtered(const Statement& statement, const ValueList& items) {
    ValueList out;
    for (const Value& item : items) {
      ScopeGuard scope(*this, scope_);
      RETURN_IF_ERROR(Assign(statement.target, item, statement.place));
      ASSIGN_OR_RETURN(const Value guard, Lenient(*statement.exprs[1]));
      if (guard.Truth()) out.push_back(item);
    }
    return out;
  }

  Result<Value> Recurse(const LoopState& loop, Scope* outer, const Value& items,
                        const Place& place) override {
    RETURN_IF_ERROR(EnterCall(place));
    const Statement& statement = *loop.statement;
    std::string text = std::exchange(out_, {});
    {
      ScopeGuard scope(*this, outer);
      RETURN_IF_ERROR(Loop(statement, items, loop.depth0 + 1));
    }
    text.swap(out_);
    --calls_;
    return Value(std::move(text));
  }

  Status RunWith(const Statement& statement) {
    ScopeGuard scope(*this, scope_);
    for (size_t i = 0; i < statement.exprs.size(); ++i) {
      ASSIGN_OR_RETURN(Value value, Lenient(*statement.exprs[i]));
      scope->Set(statement.target.names[i], std::move(value));
    }
    return Run(statement.bodies[0]);
  }

  // ---- macros ----

  Status EnterCall(const Place& place) {
    if (++calls_ <= kTemplateCallsMax) return OkStatus();
    return TemplateError(
        place, fmt::format("macros and loops within one another over {} deep", kTemplateCallsMax));
  }

  Value MacroOf(const Statement& statement) {
    return Value(std::make_shared<const Macro>(Macro{&statement, scope_}));
  }

  Status RunCallBlock(const Statement& statement) {
    ScopeGuard scope(*this, scope_);
    const Expr& call = *statement.exprs.back();
    ASSIGN_OR_RETURN(CallArguments arguments, EvalArguments(call));
    const Expr& callee = *call.operands[0];
    Value macro;
    if (callee.kind == Expr::Kind::kName) {
      ASSIGN_OR_RETURN(macro, Lookup(callee.text));
    }
    if (!macro.is_macro()) return TemplateError(call.place, "only macros can take a call block");
    arguments.named.emplace_back(kCaller, MacroOf(statement));
    ASSIGN_OR_RETURN(const Value text, CallMacro(macro.AsMacro(), arguments, call.place));
    return Emit(text.AsText(), statement.place);
  }

  Result<Value> CallMacro(const Macro& macro, const CallArguments& arguments,
                          const Place& place) override {
    RETURN_IF_ERROR(EnterCall(place));
    const Statement& statement = *macro.statement;
    ScopeGuard scope(*this, macro.scope);
    RETURN_IF_ERROR(BindParameters(statement, arguments, place));
    ASSIGN_OR_RETURN(std::string text, Captured(statement.bodies[0]));
    --calls_;
    return Value(std::move(text));
  }

  // Sets the parameters of a macro in its scope, which is open: arguments by position, then by
  // name, then defaults, which may use the parameters before them.
  Status BindParameters(const Statement& statement, const CallArguments& arguments,
                        const Place& place) {
    const std::vector<std::string>& names = statement.target.names;
    if (arguments.positional.size() > names.size()) {
      return TemplateError(
          place, fmt::format("'{}' takes at most {} arguments", statement.text, names.size()));
    }
    for (size_t i = 0; i < arguments.positional.size(); ++i) {
      scope_->Set(names[i], arguments.positional[i]);
    }
    std::vector<bool> bound(names.size());
    std::fill_n(bound.begin(), arguments.positional.size(), true);
    for (const auto& [name, value] : arguments.named) {
      const auto at =
          static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      if (name != kCaller && (at == names.size() || bound[at])) {
        return TemplateError(place,
                             fmt::format("'{}' takes no argument '{}'", statement.text, name));
      }
      if (at < names.size()) bound[at] = true;
      scope_->Set(name, value);
    }
    const bool is_caller = statement.kind == Statement::Kind::kCallBlock;
    const size_t defaults = statement.exprs.size() - (is_caller ? 1 : 0);
    for (size_t i = 0; i < names.size(); ++i) {
      if (bound[i]) continue;
      Value value = Value::Missing(fmt::format("parameter '{}' was not provided", names[i]));
      if (i + defaults >= names.size()) {
        ASSIGN_OR_RETURN(value, Eval(*statement.exprs[i + defaults - names.size()]));
      }
      scope_->Set(names[i], std::move(value));
    }
    return OkStatus();
  }

  // ---- assignment ----

  Status Assign(const Target& target, const Value& value, const Place& place) {
    if (!target.member.empty()) return AssignMember(target, value, place);
    if (!target.unpack) {
      scope_->Set(target.names[0], value);
      return OkStatus();
    }
    const Result<ValueList> parts = ItemsOf(value);
    if (!parts.ok() || parts->size() != target.names.size()) {
      return TemplateError(place, fmt::format("{} values are needed here", target.names.size()));
    }
    for (size_t i = 0; i < parts->size(); ++i) scope_->Set(target.names[i], (*parts)[i]);
    return OkStatus();
  }

  Status AssignMember(const Target& target, const Value& value, const Place& place) {
    ASSIGN_OR_RETURN(const Value object, Lookup(target.names[0]));
    if (!object.is_mapping() || !object.AsMapping().is_namespace) {
      return TemplateError(place, "only members of a namespace() can be set");
    }
    const bool nested = value.is_mapping() && value.AsMapping().is_namespace;
    if (nested || value.is_macro()) {
      return TemplateError(place, "a namespace() or macro cannot be part of another value");
    }
    ValueDict& items = object.MutableMapping().items;
    const Value key(target.member);
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&](const auto& item) { return item.first.Equals(key); });
    if (found == items.end()) {
      items.emplace_back(key, value);
    } else {
      found->second = value;
    }
    return OkStatus();
  }

  static constexpr const char* kCaller = "caller";

  std::string out_;
  Flow flow_ = Flow::kOn;
  int calls_ = 0;
};

}  // namespace

Result<Template> Template::Parse(std::string_view source, TemplateDialect dialect) {
  if (source.size() > kSourceMax) {
    return InvalidArgument(fmt::format("a template over {} bytes", kSourceMax));
  }
  if (!IsValidUtf8(source)) return InvalidArgument("a template that is not UTF-8");
  ASSIGN_OR_RETURN(Body body, ParseTemplate(source, dialect));
  auto tree = std::make_shared<TemplateTree>();
  tree->body = std::move(body);
  return Template(std::move(tree), dialect);
}

Result<std::string> Template::Render(const Json& row) const {
  RenderContext context;
  return Render(row, context);
}

Result<std::string> Template::Render(const Json& row, RenderContext& context) const {
  StatementRunner runner(row, dialect_, context);
  RETURN_IF_ERROR(runner.Run(tree_->body));
  return runner.TakeText();
}

}  // namespace koeval::evaluation

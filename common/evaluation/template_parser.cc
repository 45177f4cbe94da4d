// Statements of templates, built on the parser of expressions.
#include "common/evaluation/template_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "common/evaluation/template_expression.h"
#include "common/evaluation/template_lexer.h"

namespace koeval::evaluation {
namespace {

class Parser : private ExpressionParser {
 public:
  Parser(std::vector<Token> tokens, TemplateDialect dialect)
      : ExpressionParser(std::move(tokens), dialect) {}

  Result<Body> Parse() {
    ASSIGN_OR_RETURN(Body body, ParseBody({}));
    if (Now().kind != Token::Kind::kEnd) return Unexpected();
    return body;
  }

 private:
  // Statements up to a tag whose name is in `ends`; the tag's name is then the current token.
  Result<Body> ParseBody(std::initializer_list<std::string_view> ends) {
    RETURN_IF_ERROR(Enter());
    Body body;
    for (;;) {
      const Token& token = Now();
      if (token.kind == Token::Kind::kEnd) break;
      if (token.kind == Token::Kind::kText) {
        auto text = NewStatement(Statement::Kind::kText);
        text->text = Take().text;
        body.push_back(std::move(text));
        continue;
      }
      if (token.kind == Token::Kind::kTag &&
          std::find(ends.begin(), ends.end(), Next().text) != ends.end()) {
        Take();
        break;
      }
      StartStatement();
      ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement,
                       token.kind == Token::Kind::kTag ? ParseTag() : ParseOutput());
      body.push_back(std::move(statement));
    }
    Leave();
    return body;
  }

  std::unique_ptr<Statement> NewStatement(Statement::Kind kind) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->place = Now().place;
    return statement;
  }

  Result<std::unique_ptr<Statement>> ParseOutput() {
    auto statement = NewStatement(Statement::Kind::kOutput);
    Take();
    ASSIGN_OR_RETURN(ExprPtr expr, ParseTuple(true));
    statement->exprs.push_back(std::move(expr));
    RETURN_IF_ERROR(ExpectClose());
    return statement;
  }

  Result<std::unique_ptr<Statement>> ParseTag() {
    Take();
    if (IsName("if")) return ParseIf();
    if (IsName("for")) return ParseFor();
    if (IsName("set")) return ParseSet();
    if (chat()) return ParseChatTag();
    return TemplateError(Now().place, fmt::format("tag '{}' is not supported here; use if, for, "
                                                  "set, raw",
                                                  Now().text));
  }

  // Tags that chat templates may have besides.
  Result<std::unique_ptr<Statement>> ParseChatTag() {
    if (IsName("macro")) return ParseMacro();
    if (IsName("call")) return ParseCallBlock();
    if (IsName("filter")) return ParseFilterBlock();
    if (IsName("with")) return ParseWith();
    if (IsName("generation")) return ParseGeneration();
    if (IsName("break")) return ParseJump(Statement::Kind::kBreak);
    if (IsName("continue")) return ParseJump(Statement::Kind::kContinue);
    return TemplateError(Now().place,
                         fmt::format("tag '{}' is not supported here; use if, for, set, raw, "
                                     "macro, call, filter, with, break, continue, generation",
                                     Now().text));
  }

  Result<std::unique_ptr<Statement>> ParseIf() {
    auto statement = NewStatement(Statement::Kind::kIf);
    Take();
    for (;;) {
      ASSIGN_OR_RETURN(ExprPtr guard, ParseTuple(false));
      statement->exprs.push_back(std::move(guard));
      RETURN_IF_ERROR(ExpectClose());
      ASSIGN_OR_RETURN(Body body, ParseBody({"elif", "else", "endif"}));
      statement->bodies.push_back(std::move(body));
      if (AcceptName("elif")) continue;
      if (AcceptName("else")) {
        RETURN_IF_ERROR(ExpectClose());
        ASSIGN_OR_RETURN(Body other, ParseBody({"endif"}));
        statement->bodies.push_back(std::move(other));
      }
      RETURN_IF_ERROR(EndTag("endif", statement->place));
      return statement;
    }
  }

  Status EndTag(std::string_view name, Place start) {
    if (!AcceptName(name)) return TemplateError(start, fmt::format("'{}' is missing", name));
    return ExpectClose();
  }

  Result<std::unique_ptr<Statement>> ParseFor() {
    auto statement = NewStatement(Statement::Kind::kFor);
    Take();
    ASSIGN_OR_RETURN(statement->target, ParseTarget(false));
    if (!AcceptName("in")) return TemplateError(Now().place, "'in' expected");
    ASSIGN_OR_RETURN(ExprPtr items, ParseTuple(false));
    statement->exprs.push_back(std::move(items));
    if (AcceptName("if")) {
      ASSIGN_OR_RETURN(ExprPtr guard, ParseExpression());
      statement->exprs.push_back(std::move(guard));
    }
    if (chat()) statement->recursive = AcceptName("recursive");
    RETURN_IF_ERROR(ExpectClose());
    ++loops_;
    ASSIGN_OR_RETURN(Body body, ParseBody({"else", "endfor"}));
    --loops_;
    statement->bodies.push_back(std::move(body));
    if (AcceptName("else")) {
      RETURN_IF_ERROR(ExpectClose());
      ASSIGN_OR_RETURN(Body other, ParseBody({"endfor"}));
      statement->bodies.push_back(std::move(other));
    }
    RETURN_IF_ERROR(EndTag("endfor", statement->place));
    return statement;
  }

  Result<Target> ParseTarget(bool may_be_member) {
    Target target;
    const bool in_brackets = AcceptOperator("(");
    do {
      if (IsOperator(")") || IsOperator("=") || IsName("in")) break;
      ASSIGN_OR_RETURN(std::string name, ExpectName());
      target.names.push_back(std::move(name));
      if (may_be_member && target.names.size() == 1 && AcceptOperator(".")) {
        ASSIGN_OR_RETURN(target.member, ExpectName());
        return target;
      }
      if (!IsOperator(",")) break;
      target.unpack = true;
    } while (AcceptOperator(","));
    if (in_brackets) RETURN_IF_ERROR(ExpectOperator(")"));
    if (target.names.empty()) return Unexpected();
    return target;
  }

  Result<std::unique_ptr<Statement>> ParseSet() {
    auto statement = NewStatement(Statement::Kind::kSet);
    Take();
    ASSIGN_OR_RETURN(statement->target, ParseTarget(true));
    if (AcceptOperator("=")) {
      ASSIGN_OR_RETURN(ExprPtr value, ParseTuple(true));
      statement->exprs.push_back(std::move(value));
      RETURN_IF_ERROR(ExpectClose());
      return statement;
    }
    statement->kind = Statement::Kind::kSetBlock;
    if (chat() && IsOperator("|")) {
      ASSIGN_OR_RETURN(ExprPtr filters, ParseBlockFilters(kBlockText));
      statement->exprs.push_back(std::move(filters));
    }
    RETURN_IF_ERROR(ExpectClose());
    ASSIGN_OR_RETURN(Body body, ParseBody({"endset"}));
    statement->bodies.push_back(std::move(body));
    RETURN_IF_ERROR(EndTag("endset", statement->place));
    return statement;
  }

  // The rest of a tag, the body and the tag `end`. Loops around a body that runs elsewhere cannot
  // be left from there.
  Status ParseInner(Statement& statement, std::string_view end, bool in_place = false) {
    RETURN_IF_ERROR(ExpectClose());
    const int loops = std::exchange(loops_, in_place ? loops_ : 0);
    ASSIGN_OR_RETURN(Body body, ParseBody({end}));
    loops_ = loops;
    statement.bodies.push_back(std::move(body));
    return EndTag(end, statement.place);
  }

  // Parameters with defaults, in brackets.
  Status ParseParameters(Statement& statement) {
    RETURN_IF_ERROR(ExpectOperator("("));
    while (!IsOperator(")")) {
      ASSIGN_OR_RETURN(std::string name, ExpectName());
      statement.target.names.push_back(std::move(name));
      if (AcceptOperator("=")) {
        ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
        statement.exprs.push_back(std::move(value));
      } else if (!statement.exprs.empty()) {
        return TemplateError(Now().place, "a parameter without a default after one with a default");
      }
      if (!AcceptOperator(",")) break;
    }
    return ExpectOperator(")");
  }

  Result<std::unique_ptr<Statement>> ParseMacro() {
    auto statement = NewStatement(Statement::Kind::kMacro);
    Take();
    ASSIGN_OR_RETURN(statement->text, ExpectName());
    RETURN_IF_ERROR(ParseParameters(*statement));
    RETURN_IF_ERROR(ParseInner(*statement, "endmacro"));
    return statement;
  }

  // The defaults of the caller's parameters come first, then the call.
  Result<std::unique_ptr<Statement>> ParseCallBlock() {
    auto statement = NewStatement(Statement::Kind::kCallBlock);
    Take();
    if (IsOperator("(")) RETURN_IF_ERROR(ParseParameters(*statement));
    ASSIGN_OR_RETURN(ExprPtr call, ParseExpression());
    if (call->kind != Expr::Kind::kCall) return TemplateError(statement->place, "a call expected");
    statement->exprs.push_back(std::move(call));
    RETURN_IF_ERROR(ParseInner(*statement, "endcall"));
    return statement;
  }

  Result<std::unique_ptr<Statement>> ParseFilterBlock() {
    auto statement = NewStatement(Statement::Kind::kFilterBlock);
    Take();
    ASSIGN_OR_RETURN(ExprPtr filters, ParseFilterTag(kBlockText));
    statement->exprs.push_back(std::move(filters));
    RETURN_IF_ERROR(ParseInner(*statement, "endfilter"));
    return statement;
  }

  Result<std::unique_ptr<Statement>> ParseWith() {
    auto statement = NewStatement(Statement::Kind::kWith);
    Take();
    while (Now().kind != Token::Kind::kClose) {
      if (!statement->exprs.empty()) RETURN_IF_ERROR(ExpectOperator(","));
      ASSIGN_OR_RETURN(std::string name, ExpectName());
      statement->target.names.push_back(std::move(name));
      RETURN_IF_ERROR(ExpectOperator("="));
      ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
      statement->exprs.push_back(std::move(value));
    }
    RETURN_IF_ERROR(ParseInner(*statement, "endwith", /*in_place=*/true));
    return statement;
  }

  // It marks text for training; its text is rendered as it is.
  Result<std::unique_ptr<Statement>> ParseGeneration() {
    auto statement = NewStatement(Statement::Kind::kWith);
    Take();
    RETURN_IF_ERROR(ParseInner(*statement, "endgeneration"));
    return statement;
  }

  Result<std::unique_ptr<Statement>> ParseJump(Statement::Kind kind) {
    auto statement = NewStatement(kind);
    if (loops_ == 0) {
      return TemplateError(Now().place, fmt::format("'{}' outside of a loop", Now().text));
    }
    Take();
    RETURN_IF_ERROR(ExpectClose());
    return statement;
  }

  int loops_ = 0;  // that are open in the innermost block with a scope of its own
};

}  // namespace

Result<Body> ParseTemplate(std::string_view source, TemplateDialect dialect) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, LexTemplate(source, dialect));
  return Parser(std::move(tokens), dialect).Parse();
}

}  // namespace koeval::evaluation

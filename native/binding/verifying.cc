#include "binding/verifying.h"

#include <utility>

#include "binding/convert.h"
#include "binding/status_to_js.h"

namespace strongroom::binding {

namespace {

using Kind = repair::FindingKind;

// As api users read them.
const char* KindToJs(Kind kind) {
  switch (kind) {
    case Kind::kMissing:
      return "missing";
    case Kind::kRotten:
      return "rot";
    case Kind::kStale:
      return "stale";
    case Kind::kTampered:
      return "tampering";
    case Kind::kUnreadable:
      break;
  }
  return "unreadable";
}

Napi::Value FindingsToJs(Napi::Env env, const std::vector<repair::Finding>& findings) {
  Napi::Array out = Napi::Array::New(env, findings.size());
  for (uint32_t i = 0; i < findings.size(); ++i) {
    const repair::Finding& finding = findings[i];
    Napi::Object each = Napi::Object::New(env);
    each.Set("kind", KindToJs(finding.kind));
    each.Set("zone", finding.zone);
    each.Set("healed", finding.healed);
    each.Set("what", finding.what);
    each.Set("rowKey", finding.row_key.empty() ? env.Null() : ToBuffer(env, finding.row_key));
    out.Set(i, each);
  }
  return out;
}

Napi::Value NewsToJs(Napi::Env env, const engine::VerifyNews& news) {
  if (!news.status.ok()) throw StatusToJs(env, news.status);
  Napi::Object out = Napi::Object::New(env);
  out.Set("bytes", static_cast<double>(news.tally.bytes));
  out.Set("records", static_cast<double>(news.tally.records));
  out.Set("cells", static_cast<double>(news.tally.cells));
  out.Set("rows", static_cast<double>(news.tally.rows));
  out.Set("findings", FindingsToJs(env, news.findings));
  out.Set("over", news.over);
  out.Set("sequence", static_cast<double>(news.sequence));
  out.Set("written", static_cast<double>(news.written));
  return out;
}

// The share of JavaScript in a run, which ends with it: a worker may go in the middle.
struct RunShare {
  std::shared_ptr<engine::Verifying> run;
  ~RunShare() { run->Stop(); }
};

}  // namespace

Napi::Value QuarantineToJs(Napi::Env env, const repair::Quarantined& quarantined) {
  Napi::Array page = Napi::Array::New(env, quarantined.page.size());
  for (uint32_t i = 0; i < quarantined.page.size(); ++i) {
    const repair::SetAside& aside = quarantined.page[i];
    Napi::Object each = Napi::Object::New(env);
    each.Set("name", aside.name);
    each.Set("what", aside.what);
    each.Set("reason", KindToJs(aside.reason));
    each.Set("since", static_cast<double>(aside.since_millis));
    page.Set(i, each);
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("total", static_cast<double>(quarantined.total));
  out.Set("page", page);
  return out;
}

Napi::Value ShowVerifying(Napi::Env env, std::shared_ptr<engine::Verifying> run,
                          bool in_background) {
  auto share = std::make_shared<RunShare>();
  share->run = std::move(run);
  auto next = [share, in_background](const Napi::CallbackInfo& info) -> Napi::Value {
    const auto awaited = in_background ? PromiseTask::Awaited::kNo : PromiseTask::Awaited::kYes;
    auto task =
        std::make_shared<PromiseTask>(info.Env(), InstanceOf(info.Env()).completions, awaited);
    Napi::Promise promise = task->promise();
    share->run->Next([task](engine::VerifyNews news) {
      auto shared = std::make_shared<engine::VerifyNews>(std::move(news));
      PromiseTask::Resolve(task, [shared](Napi::Env env) { return NewsToJs(env, *shared); });
    });
    return promise;
  };
  auto stop = [share](const Napi::CallbackInfo&) { share->run->Stop(); };
  Napi::Array out = Napi::Array::New(env, 2);
  out.Set(0u, Napi::Function::New(env, next));
  out.Set(1u, Napi::Function::New(env, stop));
  return out;
}

}  // namespace strongroom::binding
